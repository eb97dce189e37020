import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
  closeSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { CompressMode } from '../../../src/transfer/files/packing.ts';
import type { ConflictMode } from '../../../src/transfer/files/conflict.ts';
import { Exclusions } from '../../../src/transfer/files/exclusions.ts';
import { lab, target, transfer } from './rig.ts';

const MIB = 1024 * 1024;

/** A folder with all that can be sent. */
function tree(): string {
  const top = path.join(lab(), 'top');
  mkdirSync(path.join(top, 'a', 'b'), { recursive: true });
  mkdirSync(path.join(top, 'empty folder'));
  writeFileSync(path.join(top, 'empty'), '');
  writeFileSync(path.join(top, 'a', 'ünï 文.txt'), 'text');
  writeFileSync(path.join(top, 'a', 'b', 'large'), randomBytes(3 * MIB + 17));
  symlinkSync('../empty', path.join(top, 'a', 'link'));
  chmodSync(path.join(top, 'a', 'ünï 文.txt'), 0o751);
  chmodSync(path.join(top, 'empty folder'), 0o500);
  utimesSync(path.join(top, 'empty'), 1_000_000_000, 1_234_567_890.25);
  utimesSync(path.join(top, 'a', 'b'), 1_000_000_000, 1_111_111_111);
  return top;
}

function same(one: string, other: string): string {
  return spawnSync('diff', ['-r', '--no-dereference', one, other]).stdout.toString();
}

function counts(done: number, rest = {}) {
  return { counts: { done, already: 0, skipped: 0, refused: 0, failed: 0, ...rest } };
}

describe('a folder', () => {
  test('arrives with names, contents, permissions, times and links, in pieces of any size', async () => {
    const top = tree();
    const { inbox } = target();
    const { sent, received } = await transfer(
      top,
      { directory: inbox },
      { pair: { pieceBytes: () => 1 + Math.floor(Math.random() * 5_000) } },
    );
    expect(received).toMatchObject(counts(4));
    expect(sent).toMatchObject(counts(4));
    const there = path.join(inbox, 'top');
    expect(same(top, there)).toBe('');
    expect(readlinkSync(path.join(there, 'a', 'link'))).toBe('../empty');
    expect(statSync(path.join(there, 'a', 'ünï 文.txt')).mode & 0o7777).toBe(0o751);
    expect(statSync(path.join(there, 'empty folder')).mode & 0o7777).toBe(0o500);
    expect(statSync(path.join(there, 'empty')).mtimeMs).toBeCloseTo(1_234_567_890_250, 2);
    expect(statSync(path.join(there, 'a', 'b')).mtimeMs).toBeCloseTo(1_111_111_111_000, 2);
    expect(readdirSync(there, { recursive: true }).filter((name) => String(name).endsWith('.part'))).toEqual([]);
  });

  test('keeps times to the microsecond', async () => {
    const top = path.join(lab(), 'timed');
    mkdirSync(top);
    const names = Array.from({ length: 50 }, (_, at) => `${at}`);
    for (const name of names) {
      writeFileSync(path.join(top, name), '');
      utimesSync(path.join(top, name), 1_000_000_000, 1_700_000_000 + Number(name) * 0.012_347);
    }
    const { inbox } = target();
    await transfer(top, { directory: inbox });
    const times = (folder: string): bigint[] =>
      names.map((name) => statSync(path.join(folder, name), { bigint: true }).mtimeNs / 1_000n);
    expect(times(path.join(inbox, 'timed'))).toEqual(times(top));
  });

  test('that is there already is checked, and not sent again', async () => {
    const top = tree();
    const { inbox } = target();
    await transfer(top, { directory: inbox });
    const { sent, received, bytesSent } = await transfer(top, { directory: inbox });
    expect(received).toMatchObject(counts(0, { already: 4 }));
    expect(sent).toMatchObject(counts(0, { already: 4 }));
    expect(bytesSent).toBeLessThan(2_000);
  });

  test('with a link that leads out is refused before anything is sent, or sent without it', async () => {
    const top = tree();
    symlinkSync('/etc/passwd', path.join(top, 'out'));
    const { inbox } = target();
    await expect(transfer(top, { directory: inbox })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('leads out') as string,
    });
    const left: string[] = [];
    const rules = {
      outsideLinks: 'skip',
      onLeftOut: (source: string) => void left.push(path.basename(source)),
    } as const;
    const { received } = await transfer(top, { directory: inbox }, { sending: { rules } });
    expect(received).toMatchObject(counts(4));
    expect(left).toContain('out');
    expect(existsSync(path.join(inbox, 'top', 'out'))).toBe(false);
  });

  test('is sent without what the user excludes, and a link that leads out may be of that', async () => {
    const top = tree();
    symlinkSync('/etc/passwd', path.join(top, 'out'));
    const { inbox } = target();
    const left: string[] = [];
    const rules = {
      outsideLinks: 'refuse',
      exclusions: new Exclusions(['out', 'b/', '*.txt', 'top']),
      onLeftOut: (source: string) => void left.push(source),
    } as const;
    const { received } = await transfer(top, { directory: inbox }, { sending: { rules } });
    expect(received).toMatchObject(counts(2));
    expect(readdirSync(path.join(inbox, 'top'), { recursive: true, encoding: 'utf8' }).toSorted()).toEqual([
      'a',
      'a/link',
      'empty',
      'empty folder',
    ]);
    expect(left).toEqual([]);
  });

  test('that is deeper than receivers take is refused before anything is sent', async () => {
    const top = lab();
    mkdirSync(path.join(top, ...Array.from({ length: 128 }, () => 'd')), { recursive: true });
    const { inbox, untouched } = target();
    await expect(transfer(top, { directory: inbox })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/is more than 128 names deep \(tar/) as string,
    });
    expect(untouched()).toBe(true);
  });

  test('keeps holes', async () => {
    const file = path.join(lab(), 'sparse');
    writeFileSync(file, 'begin');
    truncateSync(file, 20 * MIB);
    const fd = openSync(file, 'r+');
    writeSync(fd, Buffer.from('middle'), 0, 6, 8 * MIB + 12_345);
    closeSync(fd);
    const { inbox } = target();
    const { received, bytesSent } = await transfer(file, { directory: inbox });
    expect(received).toMatchObject(counts(1));
    const there = path.join(inbox, 'sparse');
    expect(readFileSync(there).equals(readFileSync(file))).toBe(true);
    expect(statSync(there).blocks).toBeLessThanOrEqual(statSync(file).blocks + 64);
    expect(bytesSent).toBeLessThan(100_000);
  });
});

describe('a file that was interrupted', () => {
  /** How far it gets, and how much is sent then. */
  async function interrupted(breakAfterBytes: number, meanwhile: (part: string) => void = () => undefined) {
    const file = path.join(lab(), 'file');
    const content = randomBytes(8 * MIB + 1_000);
    writeFileSync(file, content);
    const { inbox } = target();
    const first = await transfer(file, { directory: inbox }, { pair: { breakAfterBytes } });
    expect(first.received).toMatchObject({ code: 'CHANNEL_ABORTED' });
    expect(first.sent).toMatchObject({ code: 'CHANNEL_ABORTED' });
    expect(readdirSync(inbox)).toEqual(['file.chatosbot.part']);
    const part = path.join(inbox, 'file.chatosbot.part');
    const had = statSync(part).size;
    meanwhile(part);
    const second = await transfer(file, { directory: inbox });
    expect(second.received).toMatchObject(counts(1));
    expect(readFileSync(path.join(inbox, 'file')).equals(content)).toBe(true);
    expect(readdirSync(inbox)).toEqual(['file']);
    return { had, size: content.length, again: second.bytesSent };
  }

  test('goes on, and sends at most one chunk again', async () => {
    for (const at of [MIB / 2, 3 * MIB + 5, 7.5 * MIB]) {
      const { had, size, again } = await interrupted(at);
      expect(again).toBeLessThan(size - had + MIB + 2_000);
    }
  });

  test('has a part mended that was damaged, and only that sent again', async () => {
    const { had, size, again } = await interrupted(6 * MIB, (part) => {
      const fd = openSync(part, 'r+');
      writeSync(fd, Buffer.from('garbage'), 0, 7, 2 * MIB + 77);
      closeSync(fd);
    });
    expect(again).toBeGreaterThan(size - had + MIB - 1);
    expect(again).toBeLessThan(size - had + 2 * MIB + 2_000);
  });

  test('has a part that is too long cut', async () => {
    const { size, again } = await interrupted(6 * MIB, (part) => appendFileSync(part, Buffer.alloc(20 * MIB, 1)));
    expect(again).toBeLessThan(size);
  });
});

describe('a file whose name is taken', () => {
  async function taken(conflict: ConflictMode, there = 'something else') {
    const file = path.join(lab(), 'file.txt');
    writeFileSync(file, 'the new one');
    const { inbox } = target();
    writeFileSync(path.join(inbox, 'file.txt'), there);
    const { sent, received } = await transfer(file, { directory: inbox, conflict });
    expect(sent).toEqual(received);
    const files = readdirSync(inbox).map((name) => [name, readFileSync(path.join(inbox, name), 'utf8')]);
    return { received, files };
  }

  test.each(['something else', 'same length'])('is refused, and the other one stays: %s', async (there) => {
    const { received, files } = await taken('refuse', there);
    expect(received).toMatchObject(counts(0, { refused: 1 }));
    expect(files).toEqual([['file.txt', there]]);
  });

  test('is skipped', async () => {
    const { received, files } = await taken('skip');
    expect(received).toMatchObject(counts(0, { skipped: 1 }));
    expect(files).toEqual([['file.txt', 'something else']]);
  });

  test('replaces the other one', async () => {
    const { received, files } = await taken('overwrite');
    expect(received).toMatchObject(counts(1));
    expect(files).toEqual([['file.txt', 'the new one']]);
  });

  test('gets another name', async () => {
    const { received, files } = await taken('rename');
    expect(received).toMatchObject(counts(1));
    expect(files).toEqual([
      ['file-2.txt', 'the new one'],
      ['file.txt', 'something else'],
    ]);
  });

  test('goes on with the other one', async () => {
    const { received, files } = await taken('resume', 'the ne');
    expect(received).toMatchObject(counts(1));
    expect(files).toEqual([['file.txt', 'the new one']]);
  });

  test.each([
    ['refuse', 'refused', 5],
    // Folders that are skipped do not count.
    ['skip', 'skipped', 3],
  ] as const)(
    'by which a folder is called there keeps out all that is in it, with %s',
    async (conflict, outcome, count) => {
      const top = tree();
      const { inbox } = target();
      mkdirSync(path.join(inbox, 'top'));
      writeFileSync(path.join(inbox, 'top', 'a'), 'a file');
      const { sent, received, events } = await transfer(top, { directory: inbox, conflict });
      const left = events.flatMap((event) => (event.type === 'entry' && event.outcome === outcome ? [event.path] : []));
      expect(left).toEqual(['top/a', 'top/a/b', 'top/a/b/large', 'top/a/link', 'top/a/ünï 文.txt']);
      expect(received).toMatchObject(counts(1, { [outcome]: count }));
      expect(sent).toMatchObject(counts(1, { [outcome]: count }));
      expect(readFileSync(path.join(inbox, 'top', 'a'), 'utf8')).toBe('a file');
    },
  );

  test.each<ConflictMode>(['refuse', 'overwrite', 'resume'])('by a folder is refused, with %s', async (conflict) => {
    const file = path.join(lab(), 'file');
    writeFileSync(file, 'x');
    const { inbox } = target();
    mkdirSync(path.join(inbox, 'file'));
    const { received } = await transfer(file, { directory: inbox, conflict });
    expect(received).toMatchObject(counts(0, { refused: 1 }));
    expect(lstatSync(path.join(inbox, 'file')).isDirectory()).toBe(true);
    expect(readdirSync(inbox)).toEqual(['file']);
  });
});

describe('a file that cannot be sent or kept', () => {
  test('because it changes while it is read is missing on both sides, and all others arrive', async () => {
    const top = tree();
    const { inbox } = target();
    const growing = path.join(top, 'a', 'b', 'large');
    const { sent, received } = await transfer(top, {
      directory: inbox,
      onEvent: (event) => {
        if (event.type === 'entry' && event.path === 'top/a/b') appendFileSync(growing, 'more');
      },
    });
    expect(received).toMatchObject(counts(3, { failed: 1 }));
    expect(sent).toMatchObject(counts(3, { failed: 1 }));
    expect(existsSync(path.join(inbox, 'top', 'a', 'b', 'large'))).toBe(false);
  });

  test('because the disk is full ends it on both sides, and its part is kept', async () => {
    const { beside, inbox } = target();
    const disk = path.join(beside, 'inbox');
    const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk]).status === 0;
    if (!isMounted) return;
    onTestFinished(() => void spawnSync('umount', [disk]));
    const file = path.join(lab(), 'file');
    writeFileSync(file, randomBytes(5 * MIB));
    const { sent, received } = await transfer(file, { directory: inbox });
    expect(received).toMatchObject({ code: 'ENOSPC', message: expect.stringContaining('no space left') as string });
    expect(sent).toMatchObject({
      code: 'CHANNEL_ABORTED',
      message: expect.stringContaining('no space left') as string,
    });
    expect(readdirSync(inbox)).toEqual(['file.chatosbot.part']);
    expect(statSync(path.join(inbox, 'file.chatosbot.part')).size).toBeGreaterThan(MIB);
  });
});

test.each([
  ['a large one', 150_000],
  ['small ones', 3],
])('a sender keeps to its rate: %s', async (_, count) => {
  const top = path.join(lab(), 'top');
  mkdirSync(top);
  if (count > 100) writeFileSync(path.join(top, 'large'), randomBytes(count));
  else for (let n = 0; n < count; n += 1) writeFileSync(path.join(top, `${n}`), randomBytes(50_000));
  const { inbox } = target();
  const startedAt = performance.now();
  const { received } = await transfer(top, { directory: inbox }, { sending: { bytesPerSecond: 500_000 } });
  expect(received).toMatchObject({ bytes: 150_000 });
  // 0.3 s, less what may be made up for at the start.
  expect(performance.now() - startedAt).toBeGreaterThan(240);
  expect(same(top, path.join(inbox, 'top'))).toBe('');
});

describe('compression', () => {
  async function sizeOf(content: Buffer, compress: CompressMode, pieceBytes = 100_000): Promise<number> {
    const file = path.join(lab(), 'file');
    writeFileSync(file, content);
    const { inbox } = target();
    const pair = { pieceBytes: () => pieceBytes };
    const { received, bytesSent } = await transfer(file, { directory: inbox }, { sending: { compress }, pair });
    expect(received).toMatchObject(counts(1));
    expect(readFileSync(path.join(inbox, 'file')).equals(content)).toBe(true);
    return bytesSent / content.length;
  }

  const text = (lines: number): Buffer => Buffer.from('all work and no play makes jack a dull boy\n'.repeat(lines));

  test('makes texts smaller', async () => {
    expect(await sizeOf(text(50_000), 'always')).toBeLessThan(0.2);
  });

  test('by itself makes texts smaller where the way is slow', async () => {
    // Each piece is a turn of the event loop. Before it is known how slow they are, 4 MiB go as they are.
    expect(await sizeOf(text(250_000), 'auto', 256)).toBeLessThan(0.6);
  });

  test.each<CompressMode>(['always', 'auto'])('makes random data no larger by one per cent: %s', async (compress) => {
    expect(await sizeOf(randomBytes(8 * MIB), compress, 1_024)).toBeLessThan(1.01);
  });
});
