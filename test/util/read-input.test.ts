import { execFileSync } from 'node:child_process';
import {
  mkdtempSync,
  openSync,
  closeSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
  writeSync,
  constants,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { readChunks, readInput } from '../../src/util/read-input.ts';

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'chatosbot-input-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

/** Whoever opens it for both never waits, and leaves a reader with a writer. */
function fifo(): { readonly file: string; readonly openWriter: () => number } {
  const file = path.join(folder(), 'fifo');
  execFileSync('mkfifo', [file]);
  return { file, openWriter: () => openSync(file, constants.O_RDWR) };
}

function openTo(file: string): string[] {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === file;
    } catch {
      return false;
    }
  });
}

async function textOf(chunks: AsyncIterable<Buffer>): Promise<string> {
  let text = '';
  for await (const chunk of chunks) text += chunk.toString();
  return text;
}

describe.skipIf(process.platform !== 'linux')('an input that is a named pipe', () => {
  it('is refused where nobody writes to it, and not held open', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { file } = fifo();
    const reading = readInput(file, 100, { writerMs: 20 });
    while (vi.getTimerCount() === 0) await new Promise(setImmediate);
    vi.advanceTimersByTime(20);
    // The time is the one that was given: nothing waits any longer.
    expect(vi.getTimerCount()).toBe(0);
    await expect(reading).rejects.toThrow('a named pipe, and nobody writes to it');
    expect(openTo(file)).toEqual([]);
  });

  it('is read to its end where somebody comes to write to it', async () => {
    const { file, openWriter } = fifo();
    const reading = textOf(readChunks(file));
    const writer = openWriter();
    writeSync(writer, 'one ');
    await expect.poll(() => openTo(file).length).toBe(2);
    writeSync(writer, 'two');
    closeSync(writer);
    expect(await reading).toBe('one two');
    expect(openTo(file)).toEqual([]);
  });

  it('may keep its reader waiting for as long as it has a writer', async () => {
    const { file, openWriter } = fifo();
    const writer = openWriter();
    const reading = textOf(readChunks(file, { writerMs: 1 }));
    await expect.poll(() => openTo(file).length).toBe(2);
    // Behind the look at who writes.
    await new Promise((resolve) => setTimeout(resolve, 50));
    writeSync(writer, 'late');
    closeSync(writer);
    expect(await reading).toBe('late');
  });

  it('leaves no timer behind when it was read: a process may exit then', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { file, openWriter } = fifo();
    const writer = openWriter();
    const reading = textOf(readChunks(file));
    await vi.waitUntil(() => vi.getTimerCount() === 1);
    closeSync(writer);
    expect(await reading).toBe('');
    // A thread closes it.
    await vi.waitUntil(() => vi.getTimerCount() === 0, { timeout: 5_000 });
  });

  it('that has more than is wanted is read no further', async () => {
    const { file, openWriter } = fifo();
    const writer = openWriter();
    writeSync(writer, 'x'.repeat(1_000));
    expect(await readInput(file, 10)).toEqual(Buffer.from('x'.repeat(10)));
    closeSync(writer);
    expect(openTo(file)).toEqual([]);
  });
});

it('an input that is a file is read up to the bound, and not held open', async () => {
  const file = path.join(folder(), 'file');
  writeFileSync(file, 'größe');
  expect((await readInput(file, 100)).toString()).toBe('größe');
  expect(await readInput(file, 2)).toEqual(Buffer.from('gr'));
  expect(await readInput('/dev/zero', 10)).toEqual(Buffer.alloc(10));
  await expect(readInput(path.join(file, 'none'), 10)).rejects.toThrow('ENOTDIR');
  await expect(readInput(folder(), 10)).rejects.toThrow('EISDIR');
});
