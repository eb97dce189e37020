import process from 'node:process';
import type { Interface } from 'node:readline';
import { expect, it, onTestFinished, vi } from 'vitest';
import { ResizedLine } from '../../../src/cli/chat/resized-line.ts';

const QUESTION = '\u001B[6n';

/** A line of 50 characters, with the cursor behind it, on a terminal of 80 columns. */
function line() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { stderr } = process;
  const own = Object.getOwnPropertyDescriptor(stderr, 'columns');
  const setColumns = (value: number): void => {
    Object.defineProperty(stderr, 'columns', { value, configurable: true });
  };
  setColumns(80);
  const written: string[] = [];
  const write = vi.spyOn(stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  const listeners = stderr.listenerCount('resize');
  const lines = {
    columns: undefined,
    getCursorPos(this: { columns: number | undefined }) {
      const columns = this.columns ?? stderr.columns;
      return { rows: Math.floor(50 / columns), cols: 50 % columns };
    },
  };
  const found: [rowsAbove: number, input: string][] = [];
  const resized = new ResizedLine(lines as unknown as Interface, (rows, input) => found.push([rows, String(input)]));
  onTestFinished(() => {
    resized.close();
    write.mockRestore();
    Reflect.deleteProperty(stderr, 'columns');
    if (own) Object.defineProperty(stderr, 'columns', own);
  });
  const resize = (columns: number): void => {
    setColumns(columns);
    stderr.emit('resize');
  };
  const type = (text: string): string => String(resized.take(Buffer.from(text)));
  return { resized, resize, type, written, found, listeners };
}

it('keeps what is typed until the terminal has answered, in pieces too', () => {
  const { resized, resize, type, written, found } = line();
  expect(type('a')).toBe('a');
  resize(20);
  expect(written).toEqual([QUESTION]);
  expect([type('b'), type('é\u001B[3'), type(';11Rc')]).toEqual(['', '', '']);
  // In the third row: this terminal breaks lines anew.
  expect(found).toEqual([[2, 'béc']]);
  expect(resized.isLost).toBe(false);
  expect([type('d'), vi.getTimerCount()]).toEqual(['d', 0]);
});

it('waits for the answer to the last of its questions', () => {
  const { resize, type, found } = line();
  resize(20);
  resize(30);
  expect(type('\u001B[3;11R')).toBe('');
  expect(found).toEqual([]);
  type('\u001B[1;30R');
  // The cursor has stayed at the edge: the line is as it was drawn.
  expect(found).toEqual([[0, '']]);
});

it('waits for two seconds from its last question on', () => {
  const { resize, found } = line();
  resize(20);
  vi.advanceTimersByTime(1_500);
  resize(30);
  vi.advanceTimersByTime(1_999);
  expect(found).toEqual([]);
  vi.advanceTimersByTime(1);
  expect([found.length, vi.getTimerCount()]).toEqual([1, 0]);
});

it('goes on after two seconds without an answer, does not ask again, and lets nobody see one that is late', () => {
  const { resize, type, written, found } = line();
  resize(20);
  type('x');
  vi.advanceTimersByTime(1_999);
  expect(found).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(found).toEqual([[0, 'x']]);
  expect(type('y\u001B[3;11Rz')).toBe('yz');
  resize(25);
  vi.advanceTimersByTime(0);
  expect(written).toEqual([QUESTION]);
  expect(found.slice(1)).toEqual([[2, '']]);
});

it('keeps 64 KiB, and asks nothing where the width is the same', () => {
  const { resize, type, written, found } = line();
  resize(80);
  expect(written).toEqual([]);
  resize(20);
  type('x'.repeat(65_536));
  expect(found).toEqual([]);
  type('x');
  expect(found).toEqual([[0, 'x'.repeat(65_537)]]);
});

it('leaves nothing behind when it is closed', () => {
  const { resized, resize, listeners } = line();
  resize(20);
  resized.close();
  expect([process.stderr.listenerCount('resize'), vi.getTimerCount()]).toEqual([listeners, 0]);
});
