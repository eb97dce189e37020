import process from 'node:process';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { LineInput, outputFailed, type LineTalk } from '../../../src/cli/chat/line-input.ts';
import type { Speaker } from '../../../src/cli/chat/line-language.ts';

/** Standard input as a terminal, at which the test types; what is shown is forgotten. */
function typing(talk: Partial<LineTalk<Speaker>> & Pick<LineTalk<Speaker>, 'subject'>) {
  const notices: string[] = [];
  const view = { attach: () => undefined, said: () => undefined, notice: (text: string) => void notices.push(text) };
  const input = new LineInput(view, { interactive: true });
  const reading = input.read({
    commands: {},
    prompt: () => '',
    completions: { logins: () => [], botCommands: () => [] },
    historyFile: undefined,
    ...talk,
  });
  onTestFinished(() => input.close());
  const type = (keys: string): void => void process.stdin.emit('data', Buffer.from(keys));
  return {
    notices,
    input,
    reading,
    type,
    listening: async () => {
      await expect.poll(() => process.stdin.listenerCount('data')).toBe(1);
    },
  };
}

describe('typed lines', () => {
  beforeEach(() => {
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const stdin = process.stdin as Partial<NodeJS.ReadStream>;
    const before = stdin.setRawMode;
    Object.assign(stdin, { setRawMode: () => process.stdin });
    onTestFinished(() => {
      write.mockRestore();
      Object.assign(stdin, { setRawMode: before });
    });
  });

  it('may wait for the one before, a thousand of them; further ones are ignored, which is said', async () => {
    let release = (): void => undefined;
    const busy = new Promise<void>((resolve) => (release = resolve));
    let said = 0;
    const say = async (): Promise<void> => {
      await busy;
      said += 1;
    };
    const { notices, reading, type, listening, input } = typing({ subject: { say }, oneByOne: true });
    await listening();
    type('hello\r'.repeat(1_001));
    await expect.poll(() => notices).toEqual(['1000 lines are waiting; this one is ignored']);
    release();
    await expect.poll(() => said).toBe(1_000);
    type('again\r');
    await expect.poll(() => said).toBe(1_001);
    input.close();
    await reading;
    expect(notices).toHaveLength(1);
  });

  it('get characters that come at once where the cursor is', async () => {
    const said: string[] = [];
    const { type, listening } = typing({ subject: { say: async (text) => void said.push(text) } });
    await listening();
    type('one two');
    type('\u0001');
    type('AB ');
    type('\r');
    await expect.poll(() => said).toEqual(['AB one two']);
  });

  it.each([
    ['Enter', '\r', ['see: one\n/quit']],
    ['l', 'l', ['see: one', '/quit']],
    ['another key', 'x', []],
  ])('are asked about where several are pasted: %s', async (_, key, expected) => {
    const said: string[] = [];
    const { type, listening } = typing({ subject: { say: async (text) => void said.push(text) } });
    await listening();
    type('see: ');
    type('\u001B[200~one\n\n/quit\n\u001B[201~'.replace('\n\n', '\n'));
    type(key);
    // It shows that nothing else is said.
    type('\u0005\u0015end\r');
    await expect.poll(() => said.toSorted()).toEqual([...expected, 'end'].toSorted());
  });

  it('get what is typed at once behind the answer', async () => {
    const said: string[] = [];
    const { type, listening } = typing({ subject: { say: async (text) => void said.push(text) } });
    await listening();
    type('\u001B[200~one\ntwo\u001B[201~');
    type('\rthree\r');
    await expect.poll(() => said).toEqual(['one\ntwo', 'three']);
  });

  it('get a single line that is pasted, and wait for Enter', async () => {
    const said: string[] = [];
    const { type, listening } = typing({ subject: { say: async (text) => void said.push(text) } });
    await listening();
    type('\u001B[200~a\tb\u001B[31m\u001B[201~');
    type('!\r');
    await expect.poll(() => said).toEqual(['a b[31m!']);
  });

  it('do not get a paste that is too long, which is said', async () => {
    const { type, listening, notices } = typing({ subject: { say: async () => undefined } });
    await listening();
    type(`\u001B[200~${'x'.repeat(65_537)}\u001B[201~`);
    await expect.poll(() => notices).toEqual([expect.stringContaining('more than 65536 characters were pasted')]);
  });
});

it('output that had failed before anybody asked is a failure, too', async () => {
  const error = Object.assign(new Error('nobody reads it'), { code: 'EPIPE' });
  Object.defineProperty(process.stdout, 'errored', { configurable: true, value: error });
  onTestFinished(() => void Reflect.deleteProperty(process.stdout, 'errored'));
  await expect(outputFailed()).rejects.toBe(error);
});
