import { describe, expect, it } from 'vitest';
import {
  DEFAULT_LOOP_LIMITS,
  LoopGuard,
  resolveLoopLimits,
  type LoopLimits,
} from '../../../src/bot/messages/loop-guard.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

function guarding(limits: Partial<LoopLimits> = {}) {
  const guard = new LoopGuard({ ...DEFAULT_LOOP_LIMITS, ...limits });
  let now = 0;
  /** A peer says `text` each time `gapMs` after our answer to it, until it is not heard; how often it was. */
  const exchange = (turns: number, gapMs: number, text: (i: number) => string | undefined, answer = text): number => {
    for (let i = 0; i < turns; i += 1) {
      now += gapMs;
      if (guard.heard('alice', text(i), now) !== 'pass') return i;
      guard.answered('alice', answer(i) ?? 'done', now);
    }
    return turns;
  };
  return { guard, exchange, wait: (ms: number) => (now += ms), now: () => now };
}

describe('LoopGuard', () => {
  it.each<[string, (i: number) => string, (i: number) => string]>([
    ['that echo', () => 'hello', () => 'hello'],
    ['with a sentence each', () => 'Hello, bot!', () => 'Hello, alice!'],
    [
      'that quote each other',
      (i) => `You said: ${'I hear: You said: '.repeat(i)}hi`,
      (i) => `I hear: ${'You said: I hear: '.repeat(i)}hi`,
    ],
    ['that take turns between a few sentences', (i) => `sentence ${i % 3}`, (i) => `answer ${i % 3}`],
  ])('stops two bots %s after a dozen turns', (_, text, answer) => {
    expect(guarding().exchange(1_000, 1, text, answer)).toBeLessThanOrEqual(15);
  });

  it('stops bots that say something new each time, and bots that take their time, later', () => {
    const counting = (i: number): string => `number ${i}`;
    expect(guarding().exchange(1_000, 1, () => 'hello')).toBe(9);
    expect(guarding().exchange(1_000, 1, counting)).toBe(100);
    expect(guarding().exchange(1_000, 5 * SECOND, () => 'hello')).toBe(100);
    expect(guarding().exchange(1_000, 5 * SECOND, counting)).toBe(500);
  });

  it('leaves people alone that talk fast and long', () => {
    expect(
      guarding().exchange(
        300,
        3 * SECOND,
        (i) => `something new, the ${i}th time`,
        () => 'I see',
      ),
    ).toBe(300);
    expect(
      guarding().exchange(
        90,
        2 * SECOND,
        (i) => ['hit', 'stay'][i % 2]!,
        (i) => `card ${i}`,
      ),
    ).toBe(90);
  });

  it('leaves a script alone that waits for each answer to its commands, or says something new', () => {
    expect(
      guarding().exchange(
        60,
        1,
        () => undefined,
        () => 'status: fine',
      ),
    ).toBe(60);
    expect(
      guarding().exchange(
        60,
        1,
        (i) => `line ${i}`,
        () => 'noted',
      ),
    ).toBe(60);
  });

  it('does not count what is said without waiting for an answer', () => {
    const { guard } = guarding();
    guard.answered('alice', 'hello', 0);
    for (let i = 0; i < 1_000; i += 1) expect(guard.heard('alice', 'hello', i)).toBe('pass');
  });

  it('does not count answers to one peer against another', () => {
    const { guard } = guarding();
    for (let i = 0; i < 1_000; i += 1) {
      guard.answered('alice', 'hello', i);
      expect(guard.heard('bob', 'hello', i)).toBe('pass');
    }
  });

  it('begins to count anew after a pause', () => {
    const { exchange, wait } = guarding();
    for (let i = 0; i < 20; i += 1) {
      expect(exchange(7, 1, () => 'hello')).toBe(7);
      wait(10 * SECOND);
    }
  });

  it('tells once, and hears the peer again when it has been silent for a minute', () => {
    const { guard, exchange, now, wait } = guarding();
    exchange(1_000, 1, () => 'hello');
    expect(guard.muted(now())).toEqual(['alice']);
    for (let i = 0; i < 10; i += 1) expect(guard.heard('alice', 'hello', wait(MINUTE - 1))).toBe('drop');
    wait(MINUTE);
    expect(guard.muted(now())).toEqual([]);
    expect(guard.heard('alice', 'hello', now())).toBe('pass');
    expect(exchange(5, 1, () => 'hello')).toBe(5);
  });

  it('lets those go on that are allowed to', () => {
    expect(guarding({ allow: ['bob', 'al*'] }).exchange(1_000, 1, () => 'hello')).toBe(1_000);
  });

  it('remembers so many peers, and forgets who has rested longest', () => {
    const { guard } = guarding();
    const turn = (peer: string, at: number): string => {
      const verdict = guard.heard(peer, 'hello', at);
      guard.answered(peer, 'hello', at);
      return verdict;
    };
    const verdicts: string[] = [];
    for (let i = 0; i < 20; i += 1) {
      verdicts.push(turn('alice', i));
      for (let other = 0; other < 900; other += 1) turn(`peer ${i} ${other}`, i);
    }
    expect(verdicts).toContain('muted');
  });

  it('remembers the 10,000 peers that it has answered last', () => {
    const { guard, exchange, now } = guarding();
    const answer = (count: number, name: string): void => {
      for (let i = 0; i < count; i += 1) guard.answered(`${name} ${i}`, 'hello', now());
    };
    answer(1, 'first');
    exchange(1_000, 1, () => 'hello');
    answer(9_998, 'peer');
    guard.answered('alice', 'hello', now());
    answer(9_999, 'other');
    expect(guard.muted(now())).toEqual(['alice']);
    answer(1, 'last');
    expect(guard.muted(now())).toEqual([]);
    expect(guard.heard('alice', 'hello', now())).toBe('pass');
  });

  it('takes no word of two letters for a quotation', () => {
    const count = (answer: string): number =>
      guarding().exchange(
        1_000,
        1,
        (i) => `so far ok: ${i}`,
        () => answer,
      );
    expect(count('so ')).toBe(count('noted'));
    expect(count('so f')).toBeLessThan(count('so '));
  });

  it('remembers four texts of each side, and a hundred characters of each', () => {
    const count = (text: (i: number) => string, answer: (i: number) => string): number =>
      guarding().exchange(1_000, 1, text, answer);
    const none = (i: number): string => `number ${i}`;
    const [heard, said] = [count((i) => `text ${i % 4}`, none), count(none, (i) => `number ${i + 4}`)];
    expect([heard, said]).toEqual([12, 12]);
    expect(count((i) => `text ${i % 5}`, none)).toBe(100);
    expect(count(none, (i) => `number ${i + 5}`)).toBe(100);
    const long = 'x'.repeat(99);
    expect(count((i) => `${long}x${i}`, none)).toBe(10);
    expect(count((i) => `${long}${i % 9}${i}`, none)).toBe(100);
  });

  it('takes an answer for quick before quickMs, and a pause for one from pauseMs on', () => {
    const count = (gapMs: number): number =>
      guarding({ quickMs: 10, pauseMs: 100 }).exchange(1_000, gapMs, () => 'hello');
    expect(count(9)).toBeLessThan(count(10));
    expect(count(10)).toBe(count(11));
    expect([count(99) < 1_000, count(100)]).toEqual([true, 1_000]);
  });
});

it('turns down limits that cannot be meant', () => {
  expect(resolveLoopLimits({ maxScore: 9 })).toEqual({ ...DEFAULT_LOOP_LIMITS, maxScore: 9 });
  expect(() => resolveLoopLimits({ quickMs: -1 })).toThrow(/loop limits: quickMs: expected milliseconds/);
  expect(() => resolveLoopLimits({ allow: 'bridge' } as object)).toThrow(/allow: expected a list of texts/);
});
