import { getEventListeners } from 'node:events';
import process from 'node:process';
import { expect, it, onTestFinished, vi } from 'vitest';
import { writeLine } from '../../../src/cli/terminal/output.ts';

it('a line is given up where its reader has stalled, and one that is written waits for nothing any more', async () => {
  const done: (() => void)[] = [];
  const write = vi
    .spyOn(process.stdout, 'write')
    .mockImplementation((...given) => done.push(given.at(-1) as never) > 0);
  onTestFinished(() => write.mockRestore());
  const stop = new AbortController();
  const [written, stalled] = [writeLine('one', stop.signal), writeLine('two', stop.signal)];
  done[0]!();
  await written;
  expect(getEventListeners(stop.signal, 'abort')).toHaveLength(1);
  stop.abort(new Error('interrupted'));
  await expect(stalled).rejects.toThrow('interrupted');
});
