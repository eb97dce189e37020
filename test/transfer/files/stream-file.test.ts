import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FileLock } from '../../../src/transfer/files/file-lock.ts';
import { Place } from '../../../src/transfer/files/place.ts';
import { streamFile } from '../../../src/transfer/files/stream-file.ts';
import { openIn } from '../../support/open-files.ts';
import { lab } from './rig.ts';

/** Whether no process receives a file of this name in a folder. */
async function isFree(folder: string, name: string): Promise<boolean> {
  const place = Place.open(folder);
  onTestFinished(() => place.close());
  const lock = await FileLock.take(place, name);
  lock?.release();
  return lock !== undefined;
}

test('a stream is in its part until it has ended, and then in its file', async () => {
  const folder = lab();
  const file = await streamFile(folder, 'x', 'refuse', false);
  await file.write(Buffer.from('one '));
  expect(readdirSync(folder)).toEqual(['x.chatosbot.part']);
  expect(await isFree(folder, 'x')).toBe(false);
  await file.write(Buffer.from('two'));
  await file.end();
  expect(readdirSync(folder)).toEqual(['x']);
  expect(readFileSync(path.join(folder, 'x'), 'utf8')).toBe('one two');
  expect(await isFree(folder, 'x')).toBe(true);
});

test('a stream that was given up leaves its part, and holds nothing', async () => {
  const folder = lab();
  const file = await streamFile(folder, 'x', 'refuse', false);
  await file.write(Buffer.from('one'));
  file.release();
  file.release();
  expect(openIn(folder)).toEqual([]);
  expect(readdirSync(folder)).toEqual(['x.chatosbot.part']);
  expect(await isFree(folder, 'x')).toBe(true);
});

test('a stream into a file that is there is refused, or replaces it when it has ended', async () => {
  const folder = lab();
  writeFileSync(path.join(folder, 'x'), 'old');
  await expect(streamFile(folder, 'x', 'refuse', false)).rejects.toMatchObject({ code: 'REQUEST_REFUSED' });
  expect(openIn(folder)).toEqual([]);
  const file = await streamFile(folder, 'x', 'overwrite', false);
  await file.write(Buffer.from('new'));
  expect(readFileSync(path.join(folder, 'x'), 'utf8')).toBe('old');
  await file.end();
  expect(readFileSync(path.join(folder, 'x'), 'utf8')).toBe('new');
});

test('a stream whose part cannot be made fails, and holds nothing', async () => {
  const folder = lab();
  mkdirSync(path.join(folder, 'x.chatosbot.part'));
  await expect(streamFile(folder, 'x', 'refuse', false)).rejects.toThrow(path.join(folder, 'x'));
  expect(openIn(folder)).toEqual([]);
  expect([await isFree(folder, 'x'), existsSync(path.join(folder, 'x'))]).toEqual([true, false]);
});

test('a stream that is given up while it goes to the disk touches no file of others', async () => {
  const folder = lab();
  const file = await streamFile(folder, 'x', 'refuse', false);
  await file.write(Buffer.from('one'));
  const ended = file.end();
  file.release();
  // They have its descriptors now.
  const others = ['a', 'b', 'c', 'd'].map((name) => openSync(path.join(folder, name), 'w', 0o600));
  onTestFinished(() => others.forEach((fd) => closeSync(fd)));
  await expect(ended).rejects.toMatchObject({ code: 'DATA_INCOMPLETE' });
  expect(() => file.write(Buffer.from('two'))).toThrow('given up');
  expect(others.map((fd) => [fstatSync(fd).mode & 0o777, fstatSync(fd).size])).toEqual(others.map(() => [0o600, 0]));
  expect(readdirSync(folder)).toEqual(['a', 'b', 'c', 'd', 'x.chatosbot.part']);
});

test('a stream whose name was taken, or whose part was removed meanwhile, is incomplete', async () => {
  const folder = lab();
  for (const [name, meddle, why] of [
    ['x', () => writeFileSync(path.join(folder, 'x'), 'theirs'), 'something has taken its name meanwhile'],
    ['y', () => unlinkSync(path.join(folder, 'y.chatosbot.part')), 'removed or replaced'],
  ] as const) {
    const file = await streamFile(folder, name, 'refuse', false);
    meddle();
    const failure: unknown = await Promise.resolve(file.end()).catch((error: unknown) => error);
    file.release();
    expect(failure).toMatchObject({ code: 'DATA_INCOMPLETE', fields: { why: expect.stringContaining(why) } });
  }
  expect(readFileSync(path.join(folder, 'x'), 'utf8')).toBe('theirs');
});
