import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import { reportUncaught } from '../../../src/bot/running/current-call.ts';
import type { BotPlugin } from '../../../src/bot/plugin/plugin.ts';
import type { RuntimeOptions } from '../../../src/bot/runtime-options.ts';
import { ChatosError } from '../../../src/errors.ts';
import { FakeClock } from '../../support/bot-clock.ts';
import {
  expectRefusal,
  joinAs,
  openChannel,
  plugin,
  signalled,
  startBots,
  startServer,
} from '../../support/bot-world.ts';

const SECOND = 1_000;
const turn = (): Promise<void> => new Promise(setImmediate);

/** A bot whose onMessage fails while `failing` is on, beside one that works. */
async function world(parts: BotPlugin = {}, options: RuntimeOptions = {}) {
  const server = await startServer();
  const clock = new FakeClock('2025-06-01T10:00:00Z');
  const state = { failing: true, calls: 0 };
  const broken: BotPlugin = {
    onMessage(message) {
      state.calls += 1;
      if (state.failing) throw new Error('boom');
      return message.reply('fine');
    },
    ...parts,
  };
  const working: BotPlugin = { onMessage: (message) => message.reply('pong') };
  const { runtime, log } = await startBots(
    server,
    [{ plugin: plugin('broken', broken) }, { plugin: plugin('working', working) }],
    { clock, loopGuard: false, ...options },
  );
  const alice = await joinAs(server, 'alice');
  const status = () => runtime.status.accounts[0]!.plugins[0]!;
  /** Says something to the broken bot, `times` times, and waits until it has been handled or left out. */
  const poke = async (times: number): Promise<void> => {
    const before = status().calls + status().skipped;
    for (let i = 0; i < times; i += 1) alice.tell('broken', 'hello');
    await expect.poll(() => status().calls + status().skipped).toBe(before + times);
    await expect.poll(() => status().running).toBe(0);
  };
  return { server, clock, state, runtime, log, alice, status, poke };
}

describe('a plugin that fails five times in a minute', () => {
  it('is not called any more, as the log and the status tell; the others go on', async () => {
    const { state, log, alice, status, poke } = await world();
    await poke(5);
    expect(log.about(/suspended for 30 s/)).toMatchObject([{ level: 'error', fields: { plugin: 'broken' } }]);
    expect(status()).toMatchObject({
      state: 'suspended',
      suspendedUntil: new Date('2025-06-01T10:00:30Z'),
      failures: 5,
    });
    await poke(3);
    expect(state.calls).toBe(5);
    expect(status().skipped).toBe(3);
    alice.tell('working', 'ping');
    expect((await alice.next(4)).msg).toBe('pong');
  });

  it('is tried again with one call, and is back when that goes well', async () => {
    const { state, clock, log, status, poke } = await world();
    const before = status().calls;
    await poke(5);
    clock.advance(30 * SECOND);
    await poke(1);
    expect(status()).toMatchObject({ state: 'suspended', suspendedUntil: new Date('2025-06-01T10:01:30Z') });
    await poke(2);
    expect(status().calls).toBe(before + 6);
    state.failing = false;
    clock.advance(60 * SECOND);
    await poke(1);
    expect(status().state).toBe('running');
    expect(log.about(/works again/)).toHaveLength(1);
  });

  it('refuses private requests at once, whatever the policy', async () => {
    for (const policy of [{ default: 'accept' as const }, undefined]) {
      const asked: string[] = [];
      const { server, alice, poke, state, clock, status } = await world(
        {
          ...(policy ? {} : { onPrivateRequest: ({ from }) => (asked.push(from), true) }),
          onChannel: (channel) => void channel.pipe(channel),
        },
        { policy },
      );
      await poke(5);
      await expectRefusal(alice, 'broken');
      expect(asked).toEqual([]);
      clock.advance(30 * SECOND);
      state.failing = false;
      const { half } = await openChannel(alice, server, 'broken');
      half.end('still here');
      expect((await half.toArray()).join('')).toBe('still here');
      await expect.poll(() => status().state).toBe('running');
    }
  });
});

describe('an error of ours that the network has not caused', () => {
  it('shows in the status, and suspends nothing', async () => {
    const codes = ['STORE_UNAVAILABLE', 'STORE_FULL', 'INVALID_ARGUMENT', 'QUEUE_FULL'] as const;
    let calls = 0;
    const { status, poke } = await world({
      onMessage: () => {
        const code = codes[calls++ % codes.length]!;
        throw new ChatosError(code, `it is ${code}`);
      },
    });
    await poke(12);
    expect(status()).toMatchObject({ state: 'running', failures: 12, skipped: 0 });
    expect(status().errors).toHaveLength(10);
    expect(status().errors.slice(-4)).toMatchObject(
      codes.map((code) => ({ hook: 'onMessage', peer: 'alice', message: `it is ${code}` })),
    );
  });
});

describe('what does not count as a failure', () => {
  it('is what the network does', async () => {
    const { status, poke } = await world({
      onMessage: () => Promise.reject(new ChatosError('TIMED_OUT', 'no answer from bob')),
    });
    await poke(20);
    expect(status()).toMatchObject({ state: 'running', failures: 0 });
  });

  it.each<[string, (signal: AbortSignal) => Promise<unknown>]>([
    [
      'as Node has it',
      (signal) => import('node:timers/promises').then(({ setTimeout }) => setTimeout(1e6, 0, { signal })),
    ],
    [
      'as the signal has it',
      (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    ],
  ])('is an abort when the plugin stops, %s', async (_, wait) => {
    const begun = signalled();
    const { runtime, alice, log } = await world({
      onMessage: async (_message, { signal }) => {
        begun.resolve();
        await wait(signal);
      },
    });
    alice.tell('broken', 'wait');
    await begun.promise;
    await runtime.stop({ timeoutMs: 60_000 });
    expect(log.lines.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
  });
});

describe('an error that escapes a plugin', () => {
  it('counts against it; what the network did does not', async () => {
    const stray = signalled();
    const { log, status, poke } = await world({
      onMessage: ({ text }) => {
        setImmediate(() => {
          for (let i = 0; i < 5; i += 1) reportUncaught(new ChatosError('CONNECTION_LOST', 'gone'), log);
          reportUncaught(new Error(`late ${text}`), log);
          stray.resolve();
        });
      },
    });
    await poke(1);
    await stray.promise;
    expect(log.about(/uncaught: late hello/)).toMatchObject([
      { level: 'error', fields: { plugin: 'broken', hook: 'onMessage', peer: 'alice' } },
    ]);
    expect(status()).toMatchObject({ state: 'running', failures: 1 });
    await poke(4);
    await expect.poll(() => status().state).toBe('suspended');
  });

  it('again and again does not fill the log, which tells how many it has left out', async () => {
    const throwing = signalled<() => void>();
    const { log, clock, status, poke } = await world({
      onMessage: () => {
        setImmediate(() => throwing.resolve(AsyncLocalStorage.bind(() => reportUncaught(new Error('tick'), log))));
      },
    });
    await poke(1);
    const fail = await throwing.promise;
    for (let i = 0; i < 1_000; i += 1) fail();
    expect(log.about(/uncaught: tick/)).toHaveLength(100);
    expect(log.about(/further failures are not logged/)).toHaveLength(1);
    expect(status()).toMatchObject({ failures: 1_000 });
    clock.advance(60 * SECOND);
    fail();
    expect(log.about(/900 failures were not logged/)).toHaveLength(1);
    expect(log.about(/uncaught: tick/)).toHaveLength(101);
  });

  it('that belongs to nobody is logged all the same', async () => {
    const { log, status } = await world();
    reportUncaught(new Error('whose?'), log);
    reportUncaught(Object.create(null), log);
    expect(log.about(/uncaught: whose/)).toHaveLength(1);
    expect(status().failures).toBe(0);
  });
});

describe('schedules of a plugin that is suspended', () => {
  const scheduled = async (catchUp: 'none' | 'last' | 'all') => {
    const runs: string[] = [];
    const made = await world({
      schedule: {
        tick: {
          cron: '5-55/10 * * * * *',
          timeZone: 'UTC',
          catchUp,
          run: (_, { due }) => void runs.push(due.toISOString().slice(14, 19)),
        },
      },
    });
    // Until the job's record has been read.
    await expect.poll(() => made.status().jobs.length).toBe(1);
    for (let i = 0; i < 50; i += 1) await turn();
    await made.poke(5);
    // Suspended until 10:00:30: with none, the next tick is the probe.
    for (let i = 0; i < 4; i += 1) {
      if (i < 3) expect(made.status().jobs[0]!.lastRun).toBeUndefined();
      made.clock.advance(10 * SECOND);
      await turn();
    }
    await expect.poll(() => made.status().state).toBe('running');
    return runs;
  };

  it('are left out with catchUp none', async () => expect(await scheduled('none')).toEqual(['00:35']));
  it('run once for the newest with last', async () => expect(await scheduled('last')).toEqual(['00:25', '00:35']));
  it('run for each with all', async () => expect(await scheduled('all')).toEqual(['00:05', '00:15', '00:25', '00:35']));
});
