import { describe, expect, it } from 'vitest';
import type { Context } from '../../src/bot/plugin/context.ts';
import { createBots, joinAs, plugin, signalled, startServer } from '../support/bot-world.ts';
import { RfcPeer } from '../support/rfc-peer.ts';

describe('the login of a bot', () => {
  it("is the plugin's name, unless another is given", async () => {
    const server = await startServer();
    const logins: string[] = [];
    const { runtime } = createBots(
      server,
      [
        { plugin: plugin('echo', { onStop: () => undefined }) },
        { plugin: plugin('announce', { onStop: () => undefined }), login: 'herald' },
      ],
      { onLogin: ({ login }) => void logins.push(login) },
    );
    await runtime.start();
    expect(logins.toSorted()).toEqual(['echo', 'herald']);
  });

  it('that can never be had is told before anything is connected', async () => {
    const server = await startServer();
    expect(() => createBots(server, [{ plugin: plugin('x'.repeat(31), { onStop: () => undefined }) }])).toThrow(
      expect.objectContaining({ code: 'INVALID_PACKET' }),
    );
  });
});

describe('a login that is taken', () => {
  it('ends the start with LOGIN_REFUSED, which names it', async () => {
    const server = await startServer();
    await joinAs(server, 'bot');
    const { runtime } = createBots(server, [{ plugin: plugin('bot', { onStop: () => undefined }) }]);
    await expect(runtime.start()).rejects.toMatchObject({
      code: 'LOGIN_REFUSED',
      message: expect.stringContaining("'bot'"),
      fields: { login: 'bot' },
    });
  });

  it('stops the other bots of the process: signals aborted, onStop called, logins free', async () => {
    const server = await startServer();
    const taken = await RfcPeer.connect(server.port);
    const bots: Context[] = [];
    const stops: string[] = [];
    const bothIn = signalled();
    const other = (name: string) =>
      plugin(name, {
        onStart(bot) {
          if (bots.push(bot) === 2) bothIn.resolve();
        },
        onStop: ({ name: stopped }) => void stops.push(stopped),
      });
    // The third begins to log in when the others have: it is waited for.
    const first = createBots(server, [{ plugin: other('one') }, { plugin: other('two') }]);
    expect(await taken.login('three')).toBe(true);
    await first.runtime.start();
    await bothIn.promise;
    await first.runtime.stop();
    bots.length = 0;
    stops.length = 0;

    const { runtime } = createBots(server, [
      { plugin: other('one') },
      { plugin: other('two') },
      { plugin: plugin('three', { onStop: () => undefined }) },
    ]);
    await expect(runtime.start()).rejects.toMatchObject({ code: 'LOGIN_REFUSED' });
    expect(stops.toSorted()).toEqual(bots.map(({ name }) => name).toSorted());
    expect(bots.every(({ signal }) => signal.aborted)).toBe(true);
    expect(await joinAs(server, 'one')).toBeDefined();
    expect(await joinAs(server, 'two')).toBeDefined();
    taken.destroy();
  });

  it('is waited for with standby', async () => {
    const server = await startServer();
    const holder = await joinAs(server, 'bot');
    const { runtime, log } = createBots(server, [{ plugin: plugin('bot', { onMessage: (m) => m.reply('here') }) }], {
      standby: true,
    });
    const started = runtime.start();
    expect(await log.until(/standing by: the login is taken/)).toMatchObject({ level: 'info' });
    holder.end();
    await started;
    const alice = await joinAs(server, 'alice');
    alice.tell('bot', 'there?');
    expect((await alice.next(4)).msg).toBe('here');
  });
});
