import { describe, expect, it, onTestFinished } from 'vitest';
import type { RuntimeEvent } from '../../src/bot/events.ts';
import { toAddress } from '../../src/net/address.ts';
import { TestProxy } from '../../src/testing/proxy.ts';
import { createBots, joinAs, plugin, signalled, startServer } from '../support/bot-world.ts';
import { FakeServer } from '../support/fake-server.ts';
import { ISOLATED_TIMEOUT_MS, startIsolated } from '../support/isolated-bots.ts';
import { packet, str } from '../support/rfc-peer.ts';

const QUICK = { heartbeatMs: 60, backoff: { firstMs: 8, maxMs: 32 } };

describe('the heartbeat of a bot', () => {
  it('shows in its status that the server is silent, and in nothing that it hears', async () => {
    const server = await startServer();
    const proxy = await TestProxy.start(server);
    onTestFinished(() => proxy.close());
    const events: RuntimeEvent[] = [];
    const heard: string[] = [];
    const again = signalled();
    let logins = 0;
    const { runtime, log } = createBots(
      proxy.address,
      [{ plugin: plugin('bot', { onMessage: ({ text }) => void heard.push(text) }) }],
      {
        ...QUICK,
        observer: (event) => events.push(event),
        onLogin: () => {
          logins += 1;
          if (logins > 1) again.resolve();
        },
      },
    );
    await runtime.start();
    // The question at login has its answer then.
    await runtime.synchronise(AbortSignal.timeout(5_000));
    proxy.setStalled('session', true);
    await log.until(/is silent: .*; retrying in/);
    const [account] = runtime.status.accounts;
    expect(account).toMatchObject({ state: 'connecting', problem: expect.stringContaining('is silent') });
    proxy.setStalled('session', false);
    await again.promise;
    const alice = await joinAs(server, 'alice');
    alice.tell('bot', 'hello');
    await runtime.synchronise(AbortSignal.timeout(5_000));
    expect(heard).toEqual(['hello']);
    expect(runtime.status.accounts[0]).toMatchObject({
      state: 'connected',
      messages: { heard: 1, sent: 0 },
      muted: [],
    });
    expect(events.map(({ type }) => type)).toEqual(['connected', 'connected', 'heard']);
  });

  it('is on by default, and off by option', async () => {
    const fake = await FakeServer.listen();
    const specs = (name: string) => [{ plugin: plugin(name, { onStart: (bot) => bot.tell('bob', 'hi') }) }];
    const { runtime } = createBots(toAddress(fake.address), specs('on'));
    const [on] = await Promise.all([fake.login(), runtime.start()]);
    expect(await on.next(4)).toMatchObject({ sender: 'on', target: 'on' });
    const bots = createBots(toAddress(fake.address), specs('off'), { heartbeatMs: Infinity });
    const [off] = await Promise.all([fake.login(), bots.runtime.start()]);
    expect(await off.next(4)).toMatchObject({ sender: 'off', target: 'bob' });
    for (const each of [runtime, bots.runtime]) each.abort();
  });

  it('is reported to be off, once, where the server does not return messages to oneself', async () => {
    const fake = await FakeServer.listen();
    const { runtime, log } = createBots(toAddress(fake.address), [{ plugin: plugin('bot', { onStart() {} }) }], QUICK);
    const [session] = await Promise.all([fake.login(), runtime.start()]);
    const off = /^the server does not return messages to oneself/;
    await log.until(off);
    session.end(packet(3, str('bob'), str('hi')));
    const again = await fake.login();
    await again.next(4);
    again.end();
    await (await fake.login()).next(4);
    expect(log.about(off)).toMatchObject([{ level: 'warn', fields: { login: 'bot' } }]);
    runtime.abort();
  });

  it(
    'is the same in a worker thread',
    async () => {
      const server = await startServer();
      const proxy = await TestProxy.start(server);
      onTestFinished(() => proxy.close());
      const echo = 'export const onMessage = (message) => message.reply(message.text)';
      const back = signalled();
      let logins = 0;
      const onLogin = (): void => void ((logins += 1) > 1 && back.resolve());
      const { log, account } = await startIsolated(proxy.address, echo, {}, { ...QUICK, onLogin });
      const alice = await joinAs(server, 'alice');
      alice.tell('bot', 'hello');
      // The question at login has its answer then.
      await alice.next(4);
      proxy.setStalled('session', true);
      await log.until(/is silent: .*; retrying in/);
      proxy.setStalled('session', false);
      await back.promise;
      await expect.poll(account, { timeout: 5_000 }).toMatchObject({
        state: 'connected',
        messages: { heard: 1, sent: 1 },
      });
    },
    ISOLATED_TIMEOUT_MS,
  );
});
