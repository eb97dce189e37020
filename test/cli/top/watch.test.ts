import { getEventListeners } from 'node:events';
import process from 'node:process';
import { expect, it, onTestFinished, vi } from 'vitest';
import { snapshotOfLines } from '../../../src/cli/top/snapshot.ts';
import { watch } from '../../../src/cli/top/watch.ts';
import { topLines } from '../../../src/ops/top-lines.ts';
import { ChatosServer } from '../../../src/server/server.ts';

it('a screen that has ended is as it was, and nothing listens or draws any more', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const written: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  onTestFinished(() => write.mockRestore());
  const counts = (): number[] => [
    process.stdout.listenerCount('resize'),
    process.listenerCount('SIGCONT'),
    process.listenerCount('exit'),
  ];
  const before = counts();
  const stop = new AbortController();
  const [top] = JSON.parse(JSON.stringify([...topLines(new ChatosServer(), [], [])])) as { type: string }[];
  const ended = watch({ read: async () => snapshotOfLines([top!]) }, 1_000, stop.signal).catch(
    (error: unknown) => error,
  );
  await vi.waitUntil(() => written.length > 1);
  expect(counts()).toEqual(before.map((count) => count + 1));
  stop.abort();
  expect(await ended).toMatchObject({ code: 130 });
  expect(written[0]).toBe('\u001B[?1049h\u001B[?25l\u001B[?7l');
  expect(written.at(-1)).toBe('\u001B[?7h\u001B[?25h\u001B[?1049l');
  expect([counts(), vi.getTimerCount(), getEventListeners(stop.signal, 'abort')]).toEqual([before, 0, []]);
});
