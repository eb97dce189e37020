import { describe, expect, it } from 'vitest';
import {
  CircuitBreaker,
  DEFAULT_BREAKER_LIMITS,
  resolveBreakerLimits,
  type Attempt,
  type BreakerLimits,
} from '../../../src/bot/running/circuit-breaker.ts';
import { FakeClock } from '../../support/bot-clock.ts';

const SECOND = 1_000;

function breaking(limits: Partial<BreakerLimits> = {}) {
  const clock = new FakeClock('2025-06-01T10:00:00Z');
  const changes: string[] = [];
  const breaker = new CircuitBreaker({ ...DEFAULT_BREAKER_LIMITS, ...limits }, clock, (state, pauseMs) =>
    changes.push(state === 'suspended' ? `${state} ${pauseMs / SECOND}` : state),
  );
  const attempt = (): Attempt => {
    const made = breaker.attempt();
    if (!made) throw new Error('not let through');
    return made;
  };
  const fail = (times: number): void => {
    for (let i = 0; i < times; i += 1) attempt().failed();
  };
  return { clock, breaker, changes, attempt, fail };
}

describe('CircuitBreaker', () => {
  it('lets calls through until five have failed within a minute', () => {
    const { breaker, changes, fail } = breaking();
    fail(4);
    expect(breaker.open).toBe(true);
    fail(1);
    expect(changes).toEqual(['suspended 30']);
    expect(breaker.attempt()).toBeUndefined();
  });

  it('forgets failures that are a minute old', () => {
    const { clock, changes, fail } = breaking();
    for (let i = 0; i < 20; i += 1) {
      fail(1);
      clock.advance(15 * SECOND);
    }
    expect(changes).toEqual([]);
    fail(1);
    clock.advance(14 * SECOND);
    fail(1);
    expect(changes).toEqual(['suspended 30']);
  });

  it('tries again with exactly one call, and is back when that succeeds', () => {
    const { breaker, clock, changes, attempt, fail } = breaking();
    fail(5);
    expect(breaker.until).toEqual(new Date('2025-06-01T10:00:30Z'));
    clock.advance(30 * SECOND - 1);
    expect(breaker.open).toBe(false);
    clock.advance(1);
    const probe = attempt();
    expect(breaker.attempt()).toBeUndefined();
    probe.succeeded();
    expect(changes).toEqual(['suspended 30', 'probing', 'running']);
    fail(4);
    expect(breaker.state).toBe('running');
  });

  it('pauses twice as long each time that the probe fails, up to ten minutes, and anew once it is back', () => {
    const { breaker, clock, changes, attempt, fail } = breaking();
    fail(5);
    const pauses: number[] = [];
    for (let i = 0; i < 6; i += 1) {
      clock.advance(breaker.until!.getTime() - clock.now().getTime());
      attempt().failed();
      pauses.push((breaker.until!.getTime() - clock.now().getTime()) / SECOND);
    }
    expect(pauses).toEqual([60, 120, 240, 480, 600, 600]);
    clock.advance(600 * SECOND);
    attempt().succeeded();
    fail(5);
    expect(changes.at(-1)).toBe('suspended 30');
  });

  it('is not decided by calls that began before it was suspended', () => {
    const { breaker, clock, attempt, fail } = breaking();
    const [good, bad] = [attempt(), attempt()];
    fail(5);
    good.succeeded();
    expect(breaker.state).toBe('suspended');
    clock.advance(30 * SECOND);
    const probe = attempt();
    good.succeeded();
    bad.failed();
    expect(breaker.state).toBe('probing');
    probe.succeeded();
    expect(breaker.state).toBe('running');
  });

  it('makes another probe where one does not end; the first that does decides', () => {
    const { breaker, clock, attempt, fail } = breaking();
    fail(5);
    clock.advance(30 * SECOND);
    const hanging = attempt();
    clock.advance(30 * SECOND - 1);
    expect(breaker.open).toBe(false);
    clock.advance(1);
    attempt().failed();
    expect(breaker.state).toBe('suspended');
    hanging.succeeded();
    expect(breaker.state).toBe('suspended');
  });

  it.each([1, 12 * 365 * 24 * 3_600])('opens after its pause although the clock was set back by %i s', (seconds) => {
    const { breaker, clock, attempt, fail } = breaking();
    fail(5);
    clock.jump(-seconds * SECOND);
    clock.advance(30 * SECOND - 1);
    expect(breaker.open).toBe(false);
    clock.advance(1);
    attempt().failed();
    expect(breaker.open).toBe(false);
    clock.advance(60 * SECOND);
    attempt().succeeded();
    expect(breaker.state).toBe('running');
  });

  it('opens when its pause has passed by the clock, as after a sleep', () => {
    const { breaker, clock, fail } = breaking();
    fail(5);
    clock.jump(30 * SECOND);
    expect(breaker.open).toBe(true);
  });

  it('does not count failures of before the clock was set back', () => {
    const { clock, changes, fail } = breaking();
    fail(4);
    clock.jump(-3_600 * SECOND);
    fail(4);
    expect(changes).toEqual([]);
  });

  it('counts failures outside of calls, but does not begin a new pause while it is suspended', () => {
    const { breaker, clock } = breaking();
    for (let i = 0; i < 5; i += 1) breaker.failed();
    const { until } = breaker;
    clock.advance(SECOND);
    for (let i = 0; i < 50; i += 1) breaker.failed();
    expect(breaker.until).toEqual(until);
  });
});

it('turns down limits that cannot be meant', () => {
  expect(resolveBreakerLimits({ maxFailures: 2 })).toEqual({ ...DEFAULT_BREAKER_LIMITS, maxFailures: 2 });
  expect(() => resolveBreakerLimits({ windowMs: 0 })).toThrow(/windowMs: expected milliseconds, 1 to /);
  expect(() => resolveBreakerLimits({ pauseMs: NaN })).toThrow(/pauseMs: expected milliseconds/);
  expect(() => resolveBreakerLimits({ pauseMs: Infinity })).toThrow(/found Infinity/);
  expect(() => resolveBreakerLimits({ failures: 2 } as object)).toThrow(/did you mean 'maxFailures'/);
});
