import { getEventListeners } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { linesOf } from '../../../src/cli/connecting/input-lines.ts';

const CHUNK_BYTES = 64 * 1024;
const NEVER = new AbortController().signal;

async function linesIn(...chunks: (string | Buffer)[]): Promise<string[]> {
  const lines: string[] = [];
  const input = Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
  for await (const line of linesOf(input, NEVER)) lines.push(line);
  return lines;
}

test('ends lines as editors do, wherever chunks are cut, and has the last one without its end', async () => {
  const text = 'one\ntwo\r\nthree\rfour\u2028\n\nfive €';
  const expected = ['one', 'two', 'three', 'four', '', '', 'five €'];
  const bytes = Buffer.from(text);
  for (let at = 0; at <= bytes.length; at++) {
    expect(await linesIn(bytes.subarray(0, at), bytes.subarray(at))).toEqual(expected);
  }
  expect(await linesIn(...Array.from(bytes, (byte) => Buffer.of(byte)))).toEqual(expected);
  expect(await linesIn('one\n')).toEqual(['one']);
  expect(await linesIn('one\r')).toEqual(['one']);
  expect(await linesIn()).toEqual([]);
  expect(getEventListeners(NEVER, 'abort')).toEqual([]);
});

test('hands over a line that is long in pieces, cut between words or characters, and nothing is lost', async () => {
  const words = 'word '.repeat(100_000);
  const faces = '😀'.repeat(50_000);
  // Characters of two units, from an even place on and from an odd one: one of the two is cut within one, if that is possible.
  const text = `${words}${faces} x${faces}`;
  const bytes = Buffer.from(`${text}\nend`);
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) chunks.push(bytes.subarray(at, at + CHUNK_BYTES));
  const pieces = await linesIn(...chunks);
  expect(pieces.slice(0, -1).join('')).toBe(text);
  expect(pieces.at(-1)).toBe('end');
  for (const piece of pieces) {
    expect(piece.length).toBeLessThanOrEqual(2 * CHUNK_BYTES);
    expect(piece.isWellFormed()).toBe(true);
  }
});

test('reads no more than is asked for', async () => {
  let chunks = 0;
  const input = new Readable({
    read() {
      chunks += 1;
      this.push(Buffer.alloc(CHUNK_BYTES, 'x'));
    },
  });
  const lines = linesOf(input, NEVER);
  for (let i = 0; i < 5; i++) await lines.next();
  expect(chunks).toBeLessThan(12);
  await lines.return(undefined);
});

test('ends with the reason of its signal while it waits', async () => {
  const stop = new AbortController();
  const lines = linesOf(new PassThrough(), stop.signal);
  const next = lines.next();
  stop.abort(new Error('stopped'));
  await expect(next).rejects.toThrow('stopped');
});
