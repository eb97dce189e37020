import { describe, expect, it } from 'vitest';
import type { BotPlugin } from '../../src/bot/plugin/plugin.ts';
import type { LoggedIn } from '../../src/bot/runtime-options.ts';
import { expectRefusal, joinAs, openChannel, plugin, startBots, startServer } from '../support/bot-world.ts';
import { readAll } from '../support/rfc-peer.ts';

/** A plugin that takes the private connections of some, and says its name on them. */
function taker(name: string, wanted: readonly string[], asked: string[] = []) {
  const hooks: BotPlugin = {
    onMessage: (message) => message.reply(name),
    onPrivateRequest({ from }) {
      asked.push(name);
      return wanted.includes(from);
    },
    onChannel: (channel) => void channel.resume().end(name),
  };
  return plugin(name, hooks);
}

const shared = (...plugins: ReturnType<typeof plugin>[]) => plugins.map((each) => ({ plugin: each, login: 'crew' }));

describe('plugins with the same login', () => {
  it('share one session', async () => {
    const server = await startServer();
    const logins: LoggedIn[] = [];
    const specs = [...shared(taker('one', []), taker('two', [])), { plugin: taker('three', []) }];
    await startBots(server, specs, { onLogin: (account) => void logins.push(account) });
    expect(logins).toHaveLength(2);
    expect(logins).toEqual(
      expect.arrayContaining([
        { names: ['one', 'two'], login: 'crew', server },
        { names: ['three'], login: 'three', server },
      ]),
    );
  });

  it('[P7] share it too where the same login is spelled in two ways of Unicode', async () => {
    const server = await startServer();
    const logins: LoggedIn[] = [];
    const specs = [
      { plugin: taker('one', []), login: 'Ren\u00E9' },
      { plugin: taker('two', []), login: 'Rene\u0301' },
    ];
    await startBots(server, specs, { onLogin: (account) => void logins.push(account) });
    expect(logins.map(({ names }) => names)).toEqual([['one', 'two']]);
  });

  it('all hear what is said, and each may reply', async () => {
    const server = await startServer();
    await startBots(server, shared(taker('one', []), taker('two', [])));
    const alice = await joinAs(server, 'alice');
    alice.tell('crew', 'hello');
    expect([(await alice.next(4)).msg, (await alice.next(4)).msg].toSorted()).toEqual(['one', 'two']);
  });

  it('are asked in their order, and the first that wants a private connection gets it', async () => {
    const server = await startServer();
    const asked: string[] = [];
    await startBots(
      server,
      shared(taker('one', ['alice'], asked), taker('two', ['alice', 'carol'], asked), taker('three', ['carol'], asked)),
    );
    for (const [login, name, expected] of [
      ['alice', 'one', ['one']],
      ['carol', 'two', ['one', 'two']],
    ] as const) {
      asked.length = 0;
      const peer = await joinAs(server, login);
      const { half } = await openChannel(peer, server, 'crew');
      half.end();
      expect((await readAll(half)).toString()).toBe(name);
      expect(asked).toEqual(expected);
    }
    await expectRefusal(await joinAs(server, 'dave'), 'crew');
    expect(asked.slice(-3)).toEqual(['one', 'two', 'three']);
  });

  it('that have no onChannel are passed over', async () => {
    const server = await startServer();
    const onlyAsks = plugin('asks', { onPrivateRequest: () => true });
    await startBots(server, shared(onlyAsks, taker('one', ['alice'])));
    const alice = await joinAs(server, 'alice');
    const { half } = await openChannel(alice, server, 'crew');
    half.end();
    expect((await readAll(half)).toString()).toBe('one');
  });

  it('where one fails to decide, the next is asked', async () => {
    const server = await startServer();
    const broken = plugin('broken', {
      onPrivateRequest: () => Promise.reject(new Error('no')),
      onChannel: () => undefined,
    });
    await startBots(server, shared(broken, taker('one', ['alice'])));
    const alice = await joinAs(server, 'alice');
    const { half } = await openChannel(alice, server, 'crew');
    half.end();
    expect((await readAll(half)).toString()).toBe('one');
  });

  it('where the policy accepts without asking, the first with onChannel gets it', async () => {
    const server = await startServer();
    const asked: string[] = [];
    const specs = shared(plugin('none', { onStop: () => undefined }), taker('one', [], asked), taker('two', [], asked));
    await startBots(server, specs, { policy: { default: 'accept' } });
    const alice = await joinAs(server, 'alice');
    const { half } = await openChannel(alice, server, 'crew');
    half.end();
    expect((await readAll(half)).toString()).toBe('one');
    expect(asked).toEqual([]);
  });
});
