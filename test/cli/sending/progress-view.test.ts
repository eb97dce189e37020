import process from 'node:process';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ProgressView } from '../../../src/cli/sending/progress-view.ts';

test('the answer to who asks how far a transfer is has nothing of the peer that controls a terminal', () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const view = new ProgressView({ quiet: true });
  const peer = 'ann\u001B[2J';
  onTestFinished(() => {
    view.remove(peer);
    write.mockRestore();
  });
  const progress = { path: undefined, fileBytes: 0, fileSize: 0, bytes: 5, movedBytes: 5, entries: 0 };
  view.add(peer, () => progress, { bytes: 10, entries: 1 });
  process.emit('SIGUSR1', 'SIGUSR1');
  expect(write.mock.calls.map(([text]) => String(text)).join('')).toMatch(/^ann\\e\[2J: 50 %, .*\n$/);
});
