import { expect, it, onTestFinished, vi } from 'vitest';
import { pastedLines, PasteSplitter } from '../../../src/cli/chat/paste.ts';

const INPUT = Buffer.from(
  'a\u001B\u001B[A\u001B[200~one\r\nzw\u00F6lf\u001B[2\u001B[201~b\u001B[200~\u001B[201~c\u001B',
);

function split(chunks: readonly Buffer[]): string[] {
  const seen: string[] = [];
  const splitter = new PasteSplitter({
    onKeys: (keys) => {
      if (seen.at(-1)?.startsWith('keys ')) seen[seen.length - 1] += keys;
      else seen.push(`keys ${keys}`);
    },
    onPaste: (text) => seen.push(`paste ${text}`),
  });
  for (const chunk of chunks) splitter.push(chunk);
  splitter.flush();
  return seen;
}

it('tells what is typed from what is pasted, wherever the chunks are cut', () => {
  const expected = ['keys a\u001B\u001B[A', 'paste one\r\nzw\u00F6lf\u001B[2', 'keys b', 'paste ', 'keys c\u001B'];
  expect(split([INPUT])).toEqual(expected);
  for (let cut = 1; cut < INPUT.length; cut += 1) {
    expect(split([INPUT.subarray(0, cut), INPUT.subarray(cut)])).toEqual(expected);
  }
  expect(split(Array.from(INPUT, (byte) => Buffer.from([byte])))).toEqual(expected);
});

it('gives a paste up on Ctrl-C whose end is lost, so that nobody is locked in', () => {
  const [begin, ctrlC, typed] = ['\u001B[200~half\u001B[2', '\u0003', 'typed'].map((text) => Buffer.from(text));
  expect(split([begin!, ctrlC!, typed!])).toEqual(['keys \u0003typed']);
  // Within a paste, it is a part of that.
  expect(split([Buffer.from('\u001B[200~a\u0003b\u001B[201~')])).toEqual(['paste a\u0003b']);
});

it('takes Escape for a key when nothing has followed it for a while, which begins again with each part of a mark', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const seen: string[] = [];
  const splitter = new PasteSplitter({
    onKeys: (keys) => void seen.push(keys),
    onPaste: (text) => void seen.push(`paste ${text}`),
  });
  splitter.push(Buffer.from('\u001B'));
  vi.advanceTimersByTime(49);
  expect(seen).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(seen.splice(0)).toEqual(['\u001B']);
  for (const part of ['\u001B[', '20', '0~x\u001B[201', '~']) {
    splitter.push(Buffer.from(part));
    vi.advanceTimersByTime(49);
  }
  expect(seen.splice(0)).toEqual(['paste x']);
  splitter.push(Buffer.from('\u001B'));
  splitter.flush();
  expect([seen, vi.getTimerCount()]).toEqual([['\u001B'], 0]);
});

it('takes a paste of 65,536 characters, and none that is longer', () => {
  const paste = (length: number) => split([Buffer.from(`\u001B[200~${'x'.repeat(length)}\u001B[201~`)]);
  expect(paste(65_536)).toEqual([`paste ${'x'.repeat(65_536)}`]);
  expect(paste(65_537)).toEqual(['paste undefined']);
});

it('takes the paste that follows on one that was too long, or was given up', () => {
  const tooLong = `\u001B[200~${'x'.repeat(65_537)}`;
  const next = '\u001B[200~next\u001B[201~';
  expect(split([Buffer.from(`${tooLong}\u001B[201~${next}`)])).toEqual(['paste undefined', 'paste next']);
  const chunks = [tooLong, '\u0003', next].map((text) => Buffer.from(text));
  expect(split(chunks)).toEqual(['keys \u0003', 'paste next']);
});

it('makes lines of a paste in which nothing moves a cursor', () => {
  expect(pastedLines('a\tb\r\nc\rd\n\n')).toEqual(['a b', 'c', 'd']);
  expect(pastedLines('x\u001B[2J\u0007')).toEqual(['x[2J']);
  expect(pastedLines('')).toEqual(['']);
});
