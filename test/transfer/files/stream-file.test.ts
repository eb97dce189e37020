import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
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
