import { PassThrough } from 'node:stream';
import process from 'node:process';
import { expect, test, vi } from 'vitest';
import { LineEditor } from '../../../src/cli/chat/line-editor.ts';

test('a terminal that has closed, and cannot be set back, is the end of what is typed', async () => {
  const terminal = Object.assign(new PassThrough(), {
    isTTY: true,
    // As Node.js does it where the system refuses.
    setRawMode: (isRaw: boolean) => void (isRaw || terminal.emit('error', new Error('setRawMode EIO'))),
  });
  vi.spyOn(process, 'stdin', 'get').mockReturnValue(terminal as never);
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const ended = new Promise<void>((resolve) => {
    void new LineEditor({
      historyFile: undefined,
      complete: () => ({ hits: [], end: '' }),
      onLine: () => undefined,
      onInterrupt: () => undefined,
      onEnd: resolve,
    } as never);
  });
  terminal.end();
  await expect(ended).resolves.toBeUndefined();
  vi.restoreAllMocks();
});
