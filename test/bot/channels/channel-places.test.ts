import { describe, expect, it } from 'vitest';
import type { Context } from '../../../src/bot/plugin/context.ts';
import type { BotPlugin } from '../../../src/bot/plugin/plugin.ts';
import type { BotRuntime } from '../../../src/bot/runtime.ts';
import type { ChannelStatus } from '../../../src/bot/status.ts';
import type { PolicyLimits } from '../../../src/policy/limits.ts';
import { FakeClock } from '../../support/bot-clock.ts';
import {
  expectRefusal,
  joinAs,
  openChannel,
  plugin,
  signalled,
  startBot,
  startBots,
  startServer,
} from '../../support/bot-world.ts';
import { openHalf, readAll } from '../../support/rfc-peer.ts';

/** Takes every private connection, and ends it when the peer does. */
const taker: BotPlugin = { onChannel: (channel) => void channel.pipe(channel) };
const accepting = (limits: Partial<PolicyLimits>) => ({ policy: { default: 'accept' as const, limits } });

const channelsOf = ({ status }: BotRuntime): readonly ChannelStatus[] =>
  status.accounts.flatMap(({ channels }) => channels);

describe('places for private connections', () => {
  it('are free again when a private connection has ended', async () => {
    const server = await startServer();
    const closed = signalled();
    const onChannel: BotPlugin['onChannel'] = (channel) => void channel.pipe(channel).once('close', closed.resolve);
    const { runtime, log } = await startBot(server, { onChannel }, accepting({ maxChannelsPerPeer: 1 }));
    const alice = await joinAs(server, 'alice');
    const { half } = await openChannel(alice, server);
    await expectRefusal(alice);
    expect(await log.until(/refused/)).toMatchObject({
      fields: {
        peer: 'alice',
        bot: 'bot',
        rule: 'limits.maxChannelsPerPeer',
        reason: 'alice has 1 of 1 private connection already',
      },
    });
    await openChannel(await joinAs(server, 'bob'), server);
    half.end('bye');
    expect(String(await readAll(half))).toBe('bye');
    await closed.promise;
    await openChannel(alice, server);
    await expect.poll(() => channelsOf(runtime).map(({ peer }) => peer)).toEqual(['bob', 'alice']);
  });

  it('are taken while a request is being decided, and given back where it is refused', async () => {
    const server = await startServer();
    const asked = signalled();
    const answer = signalled<boolean>();
    const hooks: BotPlugin = {
      ...taker,
      onPrivateRequest({ from }) {
        if (from !== 'slow') return true;
        asked.resolve();
        return answer.promise;
      },
    };
    const { log } = await startBot(server, hooks, { policy: { limits: { maxChannels: 1 } } });
    const [slow, alice] = [await joinAs(server, 'slow'), await joinAs(server, 'alice')];
    slow.request('bot');
    await asked.promise;
    await expectRefusal(alice);
    expect(await log.until(/refused/)).toMatchObject({ fields: { peer: 'alice', rule: 'limits.maxChannels' } });
    answer.resolve(false);
    await slow.next(7);
    await openChannel(alice, server);
  });

  it('are taken while a private connection comes about', async () => {
    const server = await startServer();
    const { log } = await startBot(server, taker, accepting({ maxChannels: 1 }));
    const [slow, alice] = [await joinAs(server, 'slow'), await joinAs(server, 'alice')];
    slow.request('bot');
    const { connectId } = await slow.next(8);
    await expectRefusal(alice);
    expect(await log.until(/refused/)).toMatchObject({ fields: { peer: 'alice', rule: 'limits.maxChannels' } });
    (await openHalf(server.port, connectId)).destroy();
  });

  it('are free again where a private connection does not come about', async () => {
    const server = await startServer();
    const { log } = await startBot(server, taker, accepting({ maxChannels: 1 }));
    const [fickle, alice] = [await joinAs(server, 'fickle'), await joinAs(server, 'alice')];
    fickle.request('bot');
    fickle.close((await fickle.next(8)).connectId, 'fickle', 'bot');
    await log.until(/private connection with fickle failed/);
    expect((await openChannel(alice, server)).connectId).toBeGreaterThan(0n);
  });

  it('are counted for each bot: where the first is full, the next one may take it', async () => {
    const server = await startServer();
    const specs = ['one', 'two'].map((name) => ({ plugin: plugin(name, taker), login: 'bot' }));
    const { runtime } = await startBots(server, specs, accepting({ maxChannelsPerBot: 1 }));
    const alice = await joinAs(server, 'alice');
    await openChannel(alice, server);
    await openChannel(alice, server);
    await expect.poll(() => channelsOf(runtime).map(({ bot }) => bot)).toEqual(['one', 'two']);
    await expectRefusal(alice);
  });

  it('are counted over all accounts', async () => {
    const server = await startServer();
    const specs = ['one', 'two'].map((name) => ({ plugin: plugin(name, taker) }));
    const { log } = await startBots(server, specs, accepting({ maxChannels: 2, maxChannelsPerPeer: 1 }));
    const alice = await joinAs(server, 'alice');
    await openChannel(alice, server, 'one');
    await expectRefusal(alice, 'two');
    await openChannel(await joinAs(server, 'bob'), server, 'two');
    await expectRefusal(await joinAs(server, 'carol'), 'two');
    expect(log.about(/refused/).map(({ fields }) => fields['rule'])).toEqual([
      'limits.maxChannelsPerPeer',
      'limits.maxChannels',
    ]);
  });

  it('are not those of somebody with the same login at another server', async () => {
    const servers = [await startServer(), await startServer()];
    const options = accepting({ maxChannelsPerPeer: 1 });
    const specs = servers.map((server) => ({ server, plugin: plugin('bot', taker) }));
    const { runtime } = await startBots(servers[0]!, specs, options);
    for (const server of servers) await openChannel(await joinAs(server, 'alice'), server);
    await expect.poll(() => channelsOf(runtime)).toHaveLength(2);
  });

  it('are taken by those that a bot asks for, too, which are never refused', async () => {
    const server = await startServer();
    let own: Context | undefined;
    const hooks: BotPlugin = { ...taker, onStart: (bot) => void (own = bot) };
    const { runtime } = await startBot(server, hooks, {
      policy: { default: 'accept', limits: { maxChannels: 1 }, deny: ['alice'] },
    });
    const alice = await joinAs(server, 'alice');
    for (let count = 1; count <= 2; count += 1) {
      const opening = own!.request('alice');
      await alice.next(5);
      alice.ok('bot');
      const { connectId } = await alice.next(8);
      const half = await openHalf(server.port, connectId);
      (await opening).resume();
      expect(channelsOf(runtime)).toHaveLength(count);
      expect(channelsOf(runtime).at(-1)).toMatchObject({ peer: 'alice', bot: 'bot', role: 'requester' });
      if (count === 1) await expectRefusal(await joinAs(server, 'bob'));
      half.resume();
    }
  });

  it('can be looked at', async () => {
    const server = await startServer();
    const clock = new FakeClock('2026-03-03T09:00:00Z');
    const { runtime } = await startBot(server, taker, { ...accepting({}), clock });
    const { half } = await openChannel(await joinAs(server, 'alice'), server);
    half.write('12345');
    await new Promise((resolve) => half.once('data', resolve));
    await expect
      .poll(() => channelsOf(runtime))
      .toEqual([
        {
          bot: 'bot',
          peer: 'alice',
          role: 'target',
          openedAt: new Date('2026-03-03T09:00:00Z'),
          bytesReceived: 5,
          bytesSent: 5,
        },
      ]);
  });
});

describe('the rate of private requests', () => {
  it('is limited for each peer, and what is too much of it is logged once', async () => {
    const server = await startServer();
    const clock = new FakeClock('2026-03-03T09:00:00Z');
    const hooks: BotPlugin = { ...taker, onPrivateRequest: () => false };
    const { log } = await startBot(server, hooks, { policy: { limits: { maxRequestsPerMinute: 2 } }, clock });
    const alice = await joinAs(server, 'alice');
    for (let count = 0; count < 5; count += 1) await expectRefusal(alice);
    await expectRefusal(await joinAs(server, 'bob'));
    const rules = (): string[] =>
      log.about(/refused/).map(({ fields }) => `${String(fields['peer'])}: ${String(fields['rule'])}`);
    const tooMany = 'alice: limits.maxRequestsPerMinute';
    expect(rules()).toEqual(['alice: default ask', 'alice: default ask', tooMany, 'bob: default ask']);
    clock.advance(59_999);
    await expectRefusal(alice);
    clock.advance(1);
    await expectRefusal(alice);
    expect(rules().slice(4)).toEqual(['alice: default ask']);
  });
});
