import { stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { FileWatch } from '../../../src/cli/running/file-watch.ts';
import { tempDirectory, writeText } from '../../support/bot-files.ts';

/** Resolves when the next look is due some time later: while it looks, there is no timer. */
async function looked(): Promise<void> {
  while (vi.getTimerCount() === 0) await new Promise((resolve) => setImmediate(resolve));
}

test.each([
  [1, 100],
  [100, 100],
  [1_000, 1_000],
])('%d files are looked at every %d ms, until a change has settled', async (count, pauseMs) => {
  const directory = await tempDirectory();
  const file = await writeText(directory, 'bot.ts', '1');
  const missing = Array.from({ length: count - 1 }, (_, index) => path.join(directory, `missing-${index}.ts`));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const changes: string[][] = [];
  const watch = new FileWatch((files) => changes.push([...files]));
  onTestFinished(() => watch.close());
  watch.watch(new Set([file, ...missing]), Date.now() + 1_000);
  vi.advanceTimersByTime(0);
  await looked();
  await writeFile(file, 'changed');
  for (const found of [[], [[file]]]) {
    vi.advanceTimersByTime(pauseMs - 1);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(1);
    expect(vi.getTimerCount()).toBe(0);
    await looked();
    expect(changes).toEqual(found);
  }
});

/** A watch whose timers are known by their pause: tests of other files may have left some in this process. */
function timedWatch(onChange: (files: ReadonlySet<string>) => void) {
  const pauseMs = 12_345;
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const [set, cleared] = [vi.spyOn(globalThis, 'setTimeout'), vi.spyOn(globalThis, 'clearTimeout')];
  onTestFinished(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
  });
  const timers = (): unknown[] => set.mock.results.filter((_, at) => set.mock.calls[at]![1] === pauseMs);
  return { watch: new FileWatch(onChange, pauseMs), timers, cleared };
}

test('a watch that is closed while it looks at its files looks no more', async () => {
  const changes: unknown[] = [];
  const { watch, timers } = timedWatch((files) => changes.push(files));
  watch.watch(new Set([import.meta.filename]), Date.now());
  vi.advanceTimersByTime(0);
  watch.close();
  // Its look has ended by then.
  for (let looks = 0; looks < 20; looks += 1) await stat(import.meta.filename);
  expect(timers()).toEqual([]);
  expect(changes).toEqual([]);
});

test('nothing is looked at any more when watching has ended', async () => {
  const file = await writeText(await tempDirectory(), 'bot.ts', '1');
  const { watch, timers, cleared } = timedWatch(() => undefined);
  watch.watch(new Set([file]), Date.now());
  vi.advanceTimersByTime(0);
  while (timers().length === 0) await stat(file);
  watch.close();
  const [timer] = timers() as { value: unknown }[];
  expect(cleared).toHaveBeenCalledWith(timer!.value);
});

test('a file that is watched no longer is not reported', async () => {
  const directory = await tempDirectory();
  const [kept, left] = [await writeText(directory, 'kept.ts', '1'), await writeText(directory, 'left.ts', '1')];
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const changes: string[][] = [];
  const watch = new FileWatch((files) => changes.push([...files]));
  onTestFinished(() => watch.close());
  watch.watch(new Set([kept, left]), Date.now() + 1_000);
  watch.watch(new Set([kept]), Date.now() + 1_000);
  vi.advanceTimersByTime(0);
  await looked();
  for (const file of [kept, left]) await writeFile(file, 'changed');
  for (let looks = 0; looks < 2; looks += 1) {
    vi.advanceTimersByTime(100);
    await looked();
  }
  expect(changes).toEqual([[kept]]);
});
