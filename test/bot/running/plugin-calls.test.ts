import { describe, expect, it, vi } from 'vitest';
import type { CallOwner } from '../../../src/bot/loading/loaded-code.ts';
import { Activity } from '../../../src/bot/running/activity.ts';
import { DEFAULT_BREAKER_LIMITS } from '../../../src/bot/running/circuit-breaker.ts';
import { PluginCalls } from '../../../src/bot/running/plugin-calls.ts';
import { PluginHealth } from '../../../src/bot/running/plugin-health.ts';
import { FakeClock } from '../../support/bot-clock.ts';
import { MemoryLog } from '../../support/bot-log.ts';

function pluginCalls() {
  const abort = new AbortController();
  const [clock, log] = [new FakeClock('2025-06-01T10:00:00Z'), new MemoryLog()];
  const health = new PluginHealth({
    limits: DEFAULT_BREAKER_LIMITS,
    clock,
    log,
    signal: abort.signal,
    onOpen: () => undefined,
  });
  const calls = new PluginCalls({
    runner: {} as CallOwner,
    health,
    activity: new Activity(),
    isOver: () => false,
    begun: () => undefined,
  });
  return { calls, health, clock, log, abort };
}

describe('a plugin with a thousand calls in progress', () => {
  it('is called no more, but for its schedules and its end; the log has a line a minute', async () => {
    const { calls, health, clock, log } = pluginCalls();
    let release = (): void => undefined;
    const busy = new Promise<void>((resolve) => (release = resolve));
    for (let i = 0; i < 1_000; i += 1) void calls.make('onChannel', `peer ${i}`, () => busy);
    const run = vi.fn<() => void>();
    for (let i = 0; i < 3; i += 1) expect(await calls.make('onMessage', 'alice', run)).toMatchObject({ ok: false });
    expect(run).not.toHaveBeenCalled();
    expect(log.about(/too many calls/)).toHaveLength(1);
    clock.advance(60_000);
    await calls.make('onMessage', 'alice', run);
    expect(log.about(/too many calls/)).toHaveLength(2);
    expect(health.status.skipped).toBe(4);
    for (const hook of ['schedule', 'onStop'])
      expect(await calls.make(hook, undefined, run)).toMatchObject({ ok: true });
    release();
    await calls.ended();
    expect(await calls.make('onMessage', 'alice', run)).toMatchObject({ ok: true });
  });
});

it('a plugin that stops while it is suspended leaves no timer behind', async () => {
  const { calls, clock, abort } = pluginCalls();
  const fail = (): never => {
    throw new Error('broken');
  };
  for (let i = 0; i < 5; i += 1) await calls.make('onMessage', 'alice', fail);
  expect(clock.pending).toBe(1);
  abort.abort();
  expect(clock.pending).toBe(0);
});
