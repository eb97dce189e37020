import { expect, it, onTestFinished, vi } from 'vitest';
import { History, MAX_SAMPLES, type Facts } from '../../src/ops/history.ts';
import { ChatosServer } from '../../src/server/server.ts';
import { ACCOUNT } from '../support/bot-status.ts';
import { FakeClock } from '../support/bot-clock.ts';

const STATS = new ChatosServer().stats;

function historyOf(read: () => Pick<Facts, 'stats' | 'accounts'>): { history: History; clock: FakeClock } {
  const { stats, accounts } = read();
  const clock = new FakeClock('2025-06-01T10:00:00Z');
  const history = new History({ server: stats !== undefined, bots: accounts !== undefined }, read, clock);
  onTestFinished(() => history.stop());
  return { history, clock };
}

it('keeps the samples of ten minutes, and no more', () => {
  const { history } = historyOf(() => ({ stats: STATS, accounts: undefined }));
  for (let index = 0; index < MAX_SAMPLES + 50; index += 1) history.take();
  expect(history.document().samples).toHaveLength(300);
});

it('has what the process has: of a server, of bots, of both', () => {
  const keys = (read: Pick<Facts, 'stats' | 'accounts'>): string[] =>
    historyOf(() => read)
      .history.document()
      .series.map(({ key }) => key);
  const ofServer = ['sessions', 'messages', 'channels', 'relayed', 'queued', 'refused'];
  expect(keys({ stats: STATS, accounts: undefined })).toEqual([...ofServer, 'memory', 'delay']);
  expect(keys({ stats: undefined, accounts: [ACCOUNT] })).toEqual(['heard', 'sent', 'memory', 'delay']);
  expect(keys({ stats: STATS, accounts: [] })).toEqual([...ofServer, 'heard', 'sent', 'memory', 'delay']);
});

it('has what is counted per second, never less than nothing', () => {
  let messages = 1_000_000;
  const { history } = historyOf(() => ({ stats: { ...STATS, messages }, accounts: undefined }));
  history.take();
  const begun = performance.now();
  messages += 1_000;
  while (performance.now() - begun < 50);
  history.take();
  const seconds = (performance.now() - begun) / 1000;
  messages = 5;
  history.take();
  const { series, samples } = history.document();
  const index = 1 + series.findIndex(({ key }) => key === 'messages');
  expect(samples[1]![index]).toBeGreaterThan(1_000 / (2 * seconds));
  expect(samples[1]![index]).toBeLessThanOrEqual(1_000 / 0.05);
  expect([samples[0]![index], samples[2]![index]]).toEqual([0, 0]);
});

it('sends only what is newer than what a page has', () => {
  const { history, clock } = historyOf(() => ({ stats: STATS, accounts: undefined }));
  for (let index = 0; index < 3; index += 1) {
    history.take();
    clock.advance(2_000);
  }
  const times = (after?: number): number[] => history.document(after).samples.map(([atMs]) => atMs);
  expect(times()).toHaveLength(3);
  expect(times(times()[1])).toEqual([times()[2]]);
});

it('knows what had been counted ten minutes ago', () => {
  let refusedFull = 7;
  const { history } = historyOf(() => ({ stats: { ...STATS, refusedFull }, accounts: undefined }));
  expect(history.before).toBeUndefined();
  history.take();
  expect(history.before?.refusedFull).toBe(7);
  for (refusedFull = 10; refusedFull < 10 + MAX_SAMPLES; refusedFull += 1) history.take();
  expect(history.before?.refusedFull).toBe(10);
});

it('takes no sample any more once it is stopped', () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setImmediate', 'clearImmediate'] });
  onTestFinished(() => void vi.useRealTimers());
  const { history } = historyOf(() => ({ stats: STATS, accounts: undefined }));
  vi.advanceTimersByTime(10_000);
  const { samples } = history.document();
  expect(samples.length).toBeGreaterThan(1);
  history.stop();
  vi.advanceTimersByTime(10_000);
  expect(history.document().samples).toEqual(samples);
});
