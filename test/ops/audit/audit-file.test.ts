import { constants } from 'node:fs';
import {
  mkdir,
  mkdtemp,
  open,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
  type FileHandle,
} from 'node:fs/promises';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { AuditFile } from '../../../src/ops/audit/audit-file.ts';
import { leavesNothingOpen } from '../../support/open-files.ts';
import { LogRecorder } from '../../support/server-rig.ts';

async function folder(): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), 'audit-'));
  onTestFinished(() => rm(made, { recursive: true }));
  leavesNothingOpen(made);
  return made;
}

const FULL = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });

/** A disk with so much room left, in bytes; writes beyond fail, as they do on a full one: after a part that fits. */
class SmallDisk {
  room: number;
  readonly #handles: FileHandle[] = [];

  constructor(room: number) {
    this.room = room;
  }

  readonly open = async (file: string): Promise<FileHandle> => {
    const handle = await open(file, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, 0o600);
    this.#handles.push(handle);
    const write = handle.write.bind(handle) as (bytes: Buffer) => Promise<{ bytesWritten: number; buffer: Buffer }>;
    const limited = async (bytes: Buffer) => {
      if (this.room === 0) throw FULL;
      const written = await write(bytes.subarray(0, this.room));
      this.room -= written.bytesWritten;
      return written;
    };
    return Object.assign(handle, { write: limited as unknown as FileHandle['write'] });
  };
}

async function audit(file: string, disk = new SmallDisk(Infinity)) {
  const log = new LogRecorder();
  const made = await AuditFile.open(file, { log, lostLine: (lines) => `lost ${lines}`, openFile: disk.open });
  onTestFinished(() => made.close());
  return { audit: made, log, disk };
}

describe('the file of an audit log', () => {
  it('is made for its owner alone, and appended to', async () => {
    const file = path.join(await folder(), 'audit.ndjson');
    const atExit = process.listeners('exit');
    const first = await AuditFile.open(file, { log: new LogRecorder(), lostLine: String });
    first.write('one');
    await first.close();
    const second = await AuditFile.open(file, { log: new LogRecorder(), lostLine: String });
    second.write('two');
    await second.close();
    expect(process.listeners('exit')).toEqual(atExit);
    expect(await readFile(file, 'utf8')).toBe('one\ntwo\n');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('has lines soon after they were written, without a flush', async () => {
    const file = path.join(await folder(), 'audit.ndjson');
    const { audit: made } = await audit(file);
    made.write('one');
    await expect.poll(() => readFile(file, 'utf8')).toBe('one\n');
  });

  it('keeps half a line of a killed process apart', async () => {
    const file = path.join(await folder(), 'audit.ndjson');
    await writeFile(file, 'whole\nha');
    const { audit: made } = await audit(file);
    made.write('next');
    await made.flush();
    expect(await readFile(file, 'utf8')).toBe('whole\nha\nnext\n');
  });

  it.each([
    ['a folder', async (where: string) => where, 'it is a folder'],
    ['a file in no folder', async (where: string) => path.join(where, 'no', 'audit'), 'its folder does not exist'],
    [
      'a pipe',
      async (where: string) => {
        const pipe = path.join(where, 'pipe');
        spawnSync('mkfifo', [pipe]);
        return pipe;
      },
      'it is not a file',
    ],
    ['a device', async () => '/dev/null', 'it is not a file'],
  ])('is none where the path is %s', async (_, make, why) => {
    const file = await make(await folder());
    await expect(AuditFile.open(file, { log: new LogRecorder(), lostLine: String })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(`cannot write the audit log ${file}: ${why}`),
    });
  });

  it('is opened again after it was renamed: no line is in neither file, or in both', async () => {
    const file = path.join(await folder(), 'audit.ndjson');
    const { audit: made } = await audit(file);
    made.write('one');
    await made.flush();
    made.write('two');
    await rename(file, `${file}.1`);
    const reopened = made.reopen();
    made.write('three');
    expect(await reopened).toBe(true);
    await made.flush();
    const [old, now] = [await readFile(`${file}.1`, 'utf8'), await readFile(file, 'utf8')];
    expect(old + now).toBe('one\ntwo\nthree\n');
    expect(old).toContain('two');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('goes on at the beginning after it was copied and truncated', async () => {
    const file = path.join(await folder(), 'audit.ndjson');
    const { audit: made } = await audit(file);
    made.write('one');
    await made.flush();
    await truncate(file, 0);
    made.write('two');
    await made.flush();
    expect(await readFile(file, 'utf8')).toBe('two\n');
  });

  it('stays the old one where it cannot be opened again', async () => {
    const where = await folder();
    const file = path.join(where, 'sub', 'audit.ndjson');
    spawnSync('mkdir', [path.dirname(file)]);
    const { audit: made, log } = await audit(file);
    await rename(path.dirname(file), path.join(where, 'moved'));
    expect(await made.reopen()).toBe(false);
    made.write('still here');
    await made.flush();
    expect(await readFile(path.join(where, 'moved', 'audit.ndjson'), 'utf8')).toBe('still here\n');
    expect(log.of('not opened again')).toHaveLength(1);
  });

  it('that is full is reported once; lines wait, and are written when there is room', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const file = path.join(await folder(), 'audit.ndjson');
    const { audit: made, log, disk } = await audit(file, new SmallDisk(6));
    made.write('one');
    made.write('two');
    await made.flush();
    made.write('three');
    await made.flush();
    expect(await readFile(file, 'utf8')).toBe('one\ntw');
    expect(log.of('audit log not written')).toHaveLength(1);
    disk.room = Infinity;
    vi.advanceTimersByTime(1_000);
    await made.flush();
    expect(await readFile(file, 'utf8')).toBe('one\ntwo\nthree\n');
    expect(log.of('audit log written again, nothing of it lost')).toMatchObject([
      { level: 'warn', fields: { lost: 0 } },
    ]);
  });

  it('that is full for long takes a bounded amount of memory, and says how many lines are missing', async () => {
    const file = path.join(await folder(), 'audit.ndjson');
    const { audit: made, log, disk } = await audit(file, new SmallDisk(0));
    const line = 'x'.repeat(1_023);
    for (let i = 0; i < 5_000; i += 1) made.write(line);
    await made.flush();
    disk.room = Infinity;
    await made.flush();
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    expect(lines).toHaveLength(4_097);
    expect(lines.slice(0, -1).every((each) => each === line)).toBe(true);
    expect(lines.at(-1)).toBe(`lost ${5_000 - 4_096}`);
    expect(log.of('audit log written again')).toMatchObject([{ fields: { lost: 5_000 - 4_096 } }]);
    expect(made.state).toEqual({ written: true, lostLines: 5_000 - 4_096 });
  });

  it('that was removed is made again, and no line goes to one that nobody can read', async () => {
    const where = await folder();
    const file = path.join(where, 'logs', 'audit.ndjson');
    await mkdir(path.dirname(file));
    const { audit: made, log } = await audit(file);
    made.write('one');
    await made.flush();
    await rm(file);
    made.write('two');
    await made.flush();
    expect(await readFile(file, 'utf8')).toBe('two\n');
    await rm(path.dirname(file), { recursive: true });
    made.write('three');
    await made.flush();
    made.write('four');
    await made.flush();
    expect(log.of('audit log not written')).toMatchObject([
      { level: 'error', fields: { file, why: 'its folder does not exist' } },
    ]);
    expect(made.state).toEqual({ written: false, lostLines: 0 });
    await mkdir(path.dirname(file));
    made.write('five');
    await made.flush();
    expect(await readFile(file, 'utf8')).toBe('three\nfour\nfive\n');
    expect(made.state).toEqual({ written: true, lostLines: 0 });
  });

  it('is written at once where 64 KiB wait, and said to be incomplete only where lines are missing', async () => {
    const file = path.join(await folder(), 'audit.ndjson');
    const { audit: made, log } = await audit(file);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    // With its newline, one byte less.
    made.write('x'.repeat(64 * 1024 - 2));
    vi.advanceTimersByTime(0);
    expect(vi.getTimerCount()).toBe(1);
    made.write('');
    vi.advanceTimersByTime(0);
    expect(vi.getTimerCount()).toBe(0);
    await made.close();
    expect((await stat(file)).size).toBe(64 * 1024);
    expect(log.lines).toEqual([]);
  });

  it('that is full at the end says how many lines are missing in the log', async () => {
    const file = path.join(await folder(), 'audit.ndjson');
    const { audit: made, log } = await audit(file, new SmallDisk(0));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    made.write('one');
    await made.close();
    expect(log.of('audit log incomplete')).toMatchObject([{ level: 'error', fields: { lost: 1 } }]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('that could not be written has what waited when the process ends at once', async () => {
    const file = path.join(await folder(), 'audit.ndjson');
    const { audit: made } = await audit(file, new SmallDisk(0));
    const onExit = process.listeners('exit').at(-1) as () => void;
    made.write('one');
    await made.flush();
    made.write('two');
    onExit();
    expect(await readFile(file, 'utf8')).toBe('one\ntwo\n');
    await made.close();
    expect(process.listeners('exit')).not.toContain(onExit);
  });

  it('that is opened again while it ends within a line begins the new one with a line', async () => {
    const file = path.join(await folder(), 'audit.ndjson');
    const { audit: made, disk } = await audit(file, new SmallDisk(2));
    made.write('one');
    made.write('two');
    await made.flush();
    await rename(file, `${file}.1`);
    const reopened = made.reopen();
    await reopened;
    disk.room = Infinity;
    await made.flush();
    expect(await readFile(file, 'utf8')).toBe('two\nlost 1\n');
    // Nothing waits any more: there is room for all that may.
    for (let mib = 0; mib < 4; mib += 1) made.write('x'.repeat(1024 * 1024 - 1));
    expect(made.state.lostLines).toBe(1);
    made.write('');
    expect(made.state.lostLines).toBe(2);
  });
});
