import process from 'node:process';
import type { Interface } from 'node:readline';
import { expect, it, onTestFinished, vi } from 'vitest';
import { LineInput } from '../../../src/cli/chat/line-input.ts';

it('a thousand typed lines may wait for the one before; further ones are ignored, which is said', async () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  onTestFinished(() => write.mockRestore());
  const notices: string[] = [];
  let lines!: Interface;
  const view = {
    attach: (prompt: Interface) => void (lines = prompt),
    said: () => undefined,
    notice: (text: string) => void notices.push(text),
  };
  const input = new LineInput(view, { interactive: true });
  let release = (): void => undefined;
  const busy = new Promise<void>((resolve) => (release = resolve));
  let said = 0;
  const say = async (): Promise<void> => {
    await busy;
    said += 1;
  };
  const reading = input.read({ commands: {}, subject: { say }, prompt: () => '', oneByOne: true });
  for (let i = 0; i < 1_001; i += 1) lines.emit('line', 'hello');
  expect(notices).toEqual(['1000 lines are waiting; this one is ignored']);
  release();
  await expect.poll(() => said).toBe(1_000);
  lines.emit('line', 'again');
  input.close();
  await reading;
  expect([said, notices.length]).toEqual([1_001, 1]);
});
