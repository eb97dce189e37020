import { describe, expect, it } from 'vitest';
import type { Context } from '../../../src/bot/plugin/context.ts';
import type { Channel } from '../../../src/client/channel.ts';
import type { PolicyLimits } from '../../../src/policy/limits.ts';
import { FakeClock } from '../../support/bot-clock.ts';
import { endOf, joinAs, openChannel, signalled, startBot, startServer } from '../../support/bot-world.ts';
import { openHalf } from '../../support/rfc-peer.ts';

/** A bot that gives back what it gets, and a private connection of alice with it. */
async function open(limits: Partial<PolicyLimits>) {
  const server = await startServer();
  const clock = new FakeClock('2026-03-03T09:00:00Z');
  const opened = signalled<Channel>();
  const onChannel = (channel: Channel): void => {
    channel.pipe(channel);
    opened.resolve(channel);
  };
  const { log } = await startBot(server, { onChannel }, { policy: { default: 'accept', limits }, clock });
  const { half } = await openChannel(await joinAs(server, 'alice'), server);
  const channel = await opened.promise;
  const closed = new Promise<void>((resolve) => channel.once('close', resolve));
  return { clock, half, channel, closed, log };
}

describe('a limit of the lifetime', () => {
  it('breaks the private connection off when it is over: the peer sees an abort, the bot why', async () => {
    const { clock, half, channel, closed, log } = await open({ maxLifetimeMs: 60_000 });
    const end = endOf(half);
    clock.advance(59_999);
    expect(channel.destroyed).toBe(false);
    clock.advance(1);
    await closed;
    expect(channel.errored).toMatchObject({
      code: 'TIMED_OUT',
      message: 'the private connection with alice was open for 1:00, the longest that the policy allows',
    });
    expect(await end).toBe('reset');
    await log.until(/^private connection ended: .* was open for 1:00/);
    expect(clock.pending).toBe(0);
  });

  it('leaves no timer behind where the private connection ends before', async () => {
    const { clock, half, closed } = await open({ maxLifetimeMs: 60_000, maxIdleMs: 60_000 });
    expect(clock.pending).toBe(2);
    half.resume().end();
    await closed;
    expect(clock.pending).toBe(0);
  });
});

describe('a limit of the idle time', () => {
  it('breaks off a private connection on which nothing has come or gone', async () => {
    const { clock, half, channel, closed } = await open({ maxIdleMs: 60_000 });
    const end = endOf(half);
    clock.advance(59_999);
    expect(channel.destroyed).toBe(false);
    clock.advance(1);
    await closed;
    expect(channel.errored).toMatchObject({
      code: 'TIMED_OUT',
      message: 'the private connection with alice was idle for 1:00, the longest that the policy allows',
    });
    expect(await end).toBe('reset');
    expect(clock.pending).toBe(0);
  });

  it('is not reached while bytes come or go, and is a quarter late at most', async () => {
    const { clock, half, channel, closed } = await open({ maxIdleMs: 60_000 });
    for (let round = 0; round < 4; round += 1) {
      clock.advance(50_000);
      const back = new Promise((resolve) => half.once('data', resolve));
      half.write('still here');
      await back;
      await expect.poll(() => channel.bytesSent).toBe((round + 1) * 'still here'.length);
    }
    clock.advance(60_000);
    expect(channel.destroyed).toBe(false);
    clock.advance(15_000);
    await closed;
    expect(channel.errored).toMatchObject({ code: 'TIMED_OUT' });
  });

  it('holds for what a bot asks for, too, by the rules for that peer', async () => {
    const server = await startServer();
    const clock = new FakeClock('2026-03-03T09:00:00Z');
    let own: Context | undefined;
    const rules = [{ from: 'alice', decision: 'refuse' as const, limits: { maxIdleMs: 4 } }];
    await startBot(server, { onStart: (bot) => void (own = bot) }, { policy: { rules }, clock });
    const alice = await joinAs(server, 'alice');
    const opening = own!.request('alice');
    await alice.next(5);
    alice.ok('bot');
    const half = await openHalf(server.port, (await alice.next(8)).connectId);
    const end = endOf(half);
    const channel = await opening;
    clock.advance(4);
    expect(channel.errored).toMatchObject({ code: 'TIMED_OUT' });
    expect(await end).toBe('reset');
  });
});
