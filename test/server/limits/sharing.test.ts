import { expect, it, onTestFinished, vi } from 'vitest';
import { DEFAULT_SERVER_LIMITS, type ServerLimits } from '../../../src/server/limits/server-limits.ts';
import type { Place, Source } from '../../../src/server/limits/source-account.ts';
import { Sources, type AskingLimit } from '../../../src/server/limits/sources.ts';

/** The addresses of two processes of one server, which tell each other what addresses have. */
function two(given: Partial<ServerLimits>): { one: Sources; other: Sources; told: () => void } {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const limits = { ...DEFAULT_SERVER_LIMITS, ...given };
  const now = (): number => 5_000;
  const [one, other] = [new Sources(limits, now), new Sources(limits, now)];
  one.share((news) => news.forEach((each) => other.hear(1, each)));
  other.share((news) => news.forEach((each) => one.hear(2, each)));
  return { one, other, told: () => void vi.advanceTimersByTime(10) };
}

const entered = (source: Source | string): Source => {
  if (typeof source === 'string') throw new Error(source);
  return source;
};

it('[P19] what an address has at another process counts, until it has gone there', () => {
  const { one, other, told } = two({ maxConnectionsPerAddress: 2 });
  const first = entered(one.enter('192.0.2.1', 0));
  entered(one.enter('192.0.2.1', 1));
  told();
  expect(other.enter('192.0.2.1', 0)).toBe('too many of its address');
  entered(other.enter('192.0.2.2', 0));
  first.leave();
  told();
  entered(other.enter('192.0.2.1', 1));
  expect(other.enter('192.0.2.1', 2)).toBe('too many of its address');
});

it('[P19] so do those that are not identified there, until they are', () => {
  const { one, other, told } = two({ maxUnidentifiedPerAddress: 1 });
  const source = entered(one.enter('192.0.2.1', 0));
  told();
  expect(other.enter('192.0.2.1', 0)).toBe('too many unidentified');
  source.unidentified -= 1;
  one.noteChange(source);
  told();
  entered(other.enter('192.0.2.1', 0));
});

it('[P19] new connections at one process take from the rate at the other', () => {
  const { one, other, told } = two({ connectionBurstPerAddress: 3, connectionsPerSecondPerAddress: 1 });
  for (let i = 0; i < 2; i++) entered(one.enter('192.0.2.1', i));
  told();
  entered(other.enter('192.0.2.1', 0));
  expect(other.enter('192.0.2.1', 1)).toBe('too fast');
});

it('[P19] what an address asks for at one process counts at the other, and takes from its rate', () => {
  const asked = (place: Place | AskingLimit): Place => {
    if (typeof place === 'string') throw new Error(place);
    return place;
  };
  const limits = { maxConnectionsPerAddress: 6, connectionBurstPerAddress: 4, connectionsPerSecondPerAddress: 1 };
  const { one, other, told } = two(limits);
  const [first] = [asked(one.ask('192.0.2.1')), asked(one.ask('192.0.2.1'))];
  told();
  asked(other.ask('192.0.2.1'));
  expect(other.ask('192.0.2.1')).toBe('maxConnectionsPerAddress');
  asked(other.ask('192.0.2.2'));
  first.leave();
  told();
  asked(other.ask('192.0.2.1')).leave();
  expect(other.ask('192.0.2.1')).toBe('connectionsPerSecondPerAddress');
});

it('what another process had counts no more when it has gone, and nothing of it is kept', () => {
  const { one, other, told } = two({ maxConnectionsPerAddress: 1, connectionBurstPerAddress: Infinity });
  entered(one.enter('192.0.2.1', 0));
  told();
  expect(other.size).toBe(1);
  other.forgetElsewhere(1);
  expect(other.size).toBe(0);
  entered(other.enter('192.0.2.1', 0));
});

it('[P19] a half that another process has accepted, and nobody has paid for, counts where it has gone', () => {
  const { one, other, told } = two({ maxConnectionsPerAddress: 1 });
  const half = other.adopt('192.0.2.1');
  told();
  expect(one.enter('192.0.2.1', 0)).toBe('too many of its address');
  half.leave();
  told();
  entered(one.enter('192.0.2.1', 0));
});

it('[P17] what an address has sent elsewhere just before it left is charged here', () => {
  const { one } = two({ maxUnidentifiedPerAddress: Infinity });
  const news = { name: '192.0.2.1', connections: 0, unidentified: 0, expected: 0, asked: 0 };
  const taken = { entered: 0, requested: 0, messages: 1_000, bytes: 1_000_000 };
  one.hear(2, { ...news, ...taken }, (source) => {
    source.messagesPaidAt = 9_000;
  });
  expect(entered(one.enter('192.0.2.1', 0)).messagesPaidAt).toBe(9_000);
});

it('[P19] who comes just after another process has gone keeps its place in the table', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  let now = 5_000;
  const limits = { connectionsPerSecondPerAddress: 1, maxConnectionsPerAddress: 1 };
  const sources = new Sources({ ...DEFAULT_SERVER_LIMITS, ...limits }, () => now);
  entered(sources.enter('192.0.2.1', 0)).leave();
  // Its burst is whole again, and the table has not been swept.
  now += 1_000;
  sources.forgetElsewhere(2);
  entered(sources.enter('192.0.2.1', 0));
  vi.advanceTimersByTime(1_000);
  now += 1_000;
  vi.advanceTimersByTime(1_000);
  expect(sources.size).toBe(1);
  expect(sources.enter('192.0.2.1', 1)).toBe('too many of its address');
});

it('a process that has just come is told what there is', () => {
  const { one } = two({});
  entered(one.enter('192.0.2.1', 0));
  const NOTHING_TAKEN = { entered: 0, requested: 0, messages: 0, bytes: 0 };
  expect(one.news()).toEqual([
    { name: '192.0.2.1', connections: 1, unidentified: 1, expected: 0, asked: 0, ...NOTHING_TAKEN },
  ]);
});
