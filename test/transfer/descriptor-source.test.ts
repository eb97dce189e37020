import { execFileSync } from 'node:child_process';
import { closeSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { expect, onTestFinished, test } from 'vitest';
import { descriptorSource } from '../../src/transfer/descriptor-source.ts';
import { deviceSource } from '../../src/transfer/device-source.ts';
import { tempDirectory } from '../support/bot-files.ts';

function open(file: string, flags: string): number {
  const fd = openSync(file, flags);
  onTestFinished(() => closeSync(fd));
  return fd;
}

test('a file that becomes shorter while it is read is an error, and no end', async () => {
  const file = path.join(await tempDirectory(), 'cut');
  writeFileSync(file, Buffer.alloc(1024 * 1024));
  const source = descriptorSource(open(file, 'r'));
  expect(await source.read()).toHaveLength(512 * 1024);
  truncateSync(file, 600_000);
  expect(await source.read()).toHaveLength(600_000 - 512 * 1024);
  await expect(source.read()).rejects.toMatchObject({ code: 'ESHORTER', syscall: 'read' });
});

test('a file that grows while it is read ends where it ends then', async () => {
  const file = path.join(await tempDirectory(), 'grows');
  writeFileSync(file, 'first');
  const source = descriptorSource(open(file, 'r'));
  expect(String(await source.read())).toBe('first');
  writeFileSync(file, ' more', { flag: 'a' });
  expect(String(await source.read())).toBe(' more');
  expect(await source.read()).toBeUndefined();
});

test.skipIf(process.platform === 'win32')(
  'what may keep a reader waiting, as some devices do, is read by a process that ends with the source',
  async () => {
    const file = path.join(await tempDirectory(), 'device');
    execFileSync('mkfifo', [file]);
    const device = open(file, 'r+');
    const source = deviceSource(device);
    const first = source.read();
    writeSync(device, 'hello');
    expect(String(await first)).toBe('hello');
    const second = source.read();
    source.close();
    await expect(Promise.race([second, Promise.resolve('waiting')])).resolves.toBe('waiting');
    await expect
      .poll(() => execFileSync('ps', ['-o', 'comm=', '--ppid', String(process.pid)]).includes('cat'))
      .toBe(false);
  },
);
