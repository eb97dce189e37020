/** What is there of a file that was interrupted: what is looked at, gone on with, and let go of. */
import { linkSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { hashFile, openKnown } from '../../../src/transfer/files/known-part.ts';
import { openIn } from '../../support/open-files.ts';
import { entriesEnd, entry, offer } from './naive-frames.ts';
import { againstReceiver, lab, target, transfer } from './rig.ts';

const MIB = 1024 * 1024;
const ACCEPT = 16;
const signal = new AbortController().signal;

test('a part that is another name of a file is begun again: that file stays as it is', async () => {
  const { beside, inbox } = target();
  const file = path.join(lab(), 'file');
  writeFileSync(file, Buffer.alloc(2 * MIB, 'x'));
  const [other, part] = [path.join(beside, 'other'), path.join(inbox, 'file.chatosbot.part')];
  writeFileSync(other, Buffer.alloc(MIB, 'x'));
  linkSync(other, part);
  expect(await openKnown(part, 2 * MIB, signal)).toEqual({ fd: undefined, hashes: [] });
  expect(openIn(beside)).toEqual([]);
  expect((await transfer(file, { directory: inbox })).received).toMatchObject({ counts: { done: 1 } });
  expect(readFileSync(path.join(inbox, 'file')).length).toBe(2 * MIB);
  expect(readFileSync(other).length).toBe(MIB);
});

test('a part without a whole chunk is nothing to go on with, and is not held open', async () => {
  const part = path.join(lab(), 'x.chatosbot.part');
  writeFileSync(part, Buffer.alloc(MIB - 1));
  expect(await openKnown(part, 2 * MIB, signal)).toEqual({ fd: undefined, hashes: [] });
  expect(openIn(path.dirname(part))).toEqual([]);
  expect(await openKnown(`${part}-2`, 2 * MIB, signal)).toEqual({ fd: undefined, hashes: [] });
});

test('what nobody wants to know any more is not looked at to its end', async () => {
  const file = path.join(lab(), 'file');
  writeFileSync(file, '');
  truncateSync(file, 64 * MIB);
  const stop = new AbortController();
  const hashing = hashFile(file, 64 * MIB, stop.signal);
  setImmediate(() => stop.abort());
  expect((await hashing).length).toBeLessThan(5);
  expect(await hashFile(file, 2 * MIB, signal)).toHaveLength(2);
});

test.skipIf(process.platform !== 'linux')('a part is let go of where all is over while it is looked at', async () => {
  const { inbox } = target();
  const part = path.join(inbox, 'x.chatosbot.part');
  writeFileSync(part, '');
  // To look at it takes a turn of the event loop for each MiB.
  truncateSync(part, 64 * MIB);
  const stop = new AbortController();
  const { hostile, ended } = againstReceiver({ directory: inbox, signal: stop.signal });
  hostile.say(offer([{ name: 'x' }], { bytes: 128 * MIB }));
  await hostile.hear(ACCEPT);
  hostile.say(entry({ path: 'x', size: 128 * MIB }), entriesEnd(1, 128 * MIB));
  while (!openIn(inbox).includes(part)) await new Promise(setImmediate);
  stop.abort();
  expect(await ended).toBeInstanceOf(Error);
  await expect.poll(() => openIn(inbox)).toEqual([]);
});
