import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Context } from '../../src/bot/plugin/context.ts';
import type { BotPlugin } from '../../src/bot/plugin/plugin.ts';
import {
  createBots,
  endOf,
  expectRefusal,
  joinAs,
  openChannel,
  plugin,
  signalled,
  startBot,
  startBots,
  startServer,
} from '../support/bot-world.ts';
import { readAll } from '../support/rfc-peer.ts';

const LONG_MS = 60_000;

/** A bot whose onMessage goes on until it is let go, with one message under way. */
async function busy(hooks: BotPlugin = {}) {
  const server = await startServer();
  const begun = signalled();
  const release = signalled();
  const calls: string[] = [];
  const bots = await startBot(server, {
    async onMessage() {
      begun.resolve();
      await release.promise;
      calls.push('onMessage');
    },
    ...hooks,
  });
  const alice = await joinAs(server, 'alice');
  alice.tell('bot', 'work');
  await begun.promise;
  return { ...bots, server, alice, calls, release: release.resolve };
}

describe('BotRuntime.stop', () => {
  it('calls onStop, in which messages can still be sent, then ends the session', async () => {
    const server = await startServer();
    const alice = await joinAs(server, 'alice');
    const { runtime } = await startBot(server, { onStop: (bot) => bot.say('goodbye') });
    await runtime.stop();
    expect(await alice.next(3)).toMatchObject({ login: 'bot', msg: 'goodbye' });
    expect(await joinAs(server, 'bot')).toBeDefined();
  });

  it('aborts the signal before onStop', async () => {
    const server = await startServer();
    let bot: Context | undefined;
    let atStop: boolean | undefined;
    const { runtime } = await startBot(server, {
      onStart: (own) => void (bot = own),
      onStop: ({ signal }) => void (atStop = signal.aborted),
    });
    expect(bot!.signal.aborted).toBe(false);
    await runtime.stop();
    expect(atStop).toBe(true);
  });

  it.each([LONG_MS, 2 ** 31 - 1, Infinity])('waits for hooks under way, for at most %d ms', async (timeoutMs) => {
    const { runtime, calls, release } = await busy({ onStop: () => void setTimeout(release, 20) });
    await runtime.stop({ timeoutMs });
    expect(calls).toEqual(['onMessage']);
  });

  it('leaves nothing to wait for where all is done in time', async () => {
    const { runtime } = await startBot(await startServer(), { onMessage: () => undefined });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    await runtime.stop({ timeoutMs: LONG_MS });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('without any time to wait warns of nothing', async () => {
    const { runtime, log } = await busy();
    await runtime.stop({ timeoutMs: 0 });
    expect(log.about(/stopping/)).toEqual([]);
  });

  it('waits no longer than it is given, and says so', async () => {
    const { runtime, log, calls, server } = await busy();
    await runtime.stop({ timeoutMs: 20 });
    expect(calls).toEqual([]);
    expect(log.about(/still running/)).toMatchObject([{ fields: { hooks: 'bot onMessage' } }]);
    expect(await joinAs(server, 'bot')).toBeDefined();
  });

  it('waits no longer when it is called again', async () => {
    const { runtime, log } = await busy();
    const stopping = runtime.stop({ timeoutMs: LONG_MS });
    await Promise.all([runtime.stop(), stopping]);
    expect(log.about(/still running/)).toHaveLength(1);
  });

  it('takes no new messages and no new requests meanwhile', async () => {
    const asked: string[] = [];
    const { runtime, alice, release, calls } = await busy({
      onPrivateRequest: ({ from }) => void asked.push(from),
      onChannel: () => undefined,
    });
    const stopping = runtime.stop({ timeoutMs: LONG_MS });
    alice.tell('bot', 'more work');
    await expectRefusal(alice);
    release();
    await stopping;
    expect(calls).toEqual(['onMessage']);
    expect(asked).toEqual([]);
  });

  it('refuses a request that a plugin accepts only after the stop began', async () => {
    const decided = signalled<boolean>();
    const asked = signalled();
    const opened: string[] = [];
    const { runtime, alice, release } = await busy({
      onPrivateRequest() {
        asked.resolve();
        return decided.promise;
      },
      onChannel: (channel) => void opened.push(channel.peer),
    });
    alice.request('bot');
    await asked.promise;
    const stopping = runtime.stop({ timeoutMs: LONG_MS });
    decided.resolve(true);
    expect((await alice.next()).op).toBe(7);
    release();
    await stopping;
    expect(opened).toEqual([]);
  });

  it('survives an onStop that fails', async () => {
    const server = await startServer();
    const { runtime, log } = await startBot(server, { onStop: () => Promise.reject(new Error('no stop')) });
    await runtime.stop();
    expect(await log.until(/no stop/)).toMatchObject({ fields: { plugin: 'bot', hook: 'onStop' } });
  });

  it('stops every plugin of every account', async () => {
    const server = await startServer();
    const stopped: string[] = [];
    const stopping = (name: string) => plugin(name, { onStop: () => void stopped.push(name) });
    const { runtime } = await startBots(server, [
      { plugin: stopping('one'), login: 'crew' },
      { plugin: stopping('two'), login: 'crew' },
      { plugin: stopping('three') },
    ]);
    await runtime.stop();
    expect(stopped.toSorted()).toEqual(['one', 'three', 'two']);
  });

  it('does nothing where nothing was started', async () => {
    const server = await startServer();
    let stops = 0;
    const { runtime } = createBots(server, [{ plugin: plugin('bot', { onStop: () => void (stops += 1) }) }]);
    await runtime.stop();
    expect(stops).toBe(0);
  });
});

describe('BotRuntime.stop and private connections', () => {
  const echo: BotPlugin = { onPrivateRequest: () => true, onChannel: (channel) => void channel.pipe(channel) };

  it('lets an open one finish', async () => {
    const server = await startServer();
    const { runtime } = await startBot(server, echo);
    const alice = await joinAs(server, 'alice');
    const { half } = await openChannel(alice, server);
    half.write('one;');
    await new Promise((resolve) => half.once('readable', resolve));
    const stopping = runtime.stop({ timeoutMs: LONG_MS });
    half.end('two');
    expect((await readAll(half)).toString()).toBe('one;two');
    await stopping;
  });

  it('breaks one that does not finish in time: the peer sees a reset', async () => {
    const server = await startServer();
    const { runtime } = await startBot(server, echo);
    const alice = await joinAs(server, 'alice');
    const { half } = await openChannel(alice, server);
    half.write('one;');
    await new Promise((resolve) => half.once('readable', resolve));
    const seen = endOf(half);
    await runtime.stop({ timeoutMs: 20 });
    expect(await seen).toBe('reset');
  });
});

describe('a private request while the bots stop', () => {
  it('is refused, also where a plugin is still deciding about it', async () => {
    const asked = signalled();
    const answer = signalled<boolean>();
    const server = await startServer();
    const hooks: BotPlugin = {
      onPrivateRequest() {
        asked.resolve();
        return answer.promise;
      },
      onChannel: (channel) => void channel.end(),
    };
    const { runtime, log } = await startBot(server, hooks);
    const [alice, bob] = [await joinAs(server, 'alice'), await joinAs(server, 'bob')];
    alice.request('bot');
    await asked.promise;
    const stopped = runtime.stop({ timeoutMs: LONG_MS });
    await expectRefusal(bob);
    answer.resolve(true);
    await alice.next(7);
    await stopped;
    expect(log.about(/private request refused/).map(({ fields }) => [fields['peer'], fields['reason']])).toEqual([
      ['bob', 'the bot is stopping'],
      ['alice', 'the bot is stopping'],
    ]);
  });
});
