import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { isChatosError } from '../../../src/errors.ts';
import { accept, check, done, entry, frame, hashes, hello, leave, problem, u32, u64, want } from './naive-frames.ts';
import { againstSender, lab, senderOn } from './rig.ts';
import { memoryPair } from '../verified/memory-channels.ts';

const ENTRY = 2;
const DATA = 4;
const FILE_END = 8;

/** A file of 2.5 chunks. */
function source(): string {
  const file = path.join(lab(), 'it');
  writeFileSync(file, Buffer.alloc(2.5 * 1024 * 1024, 7));
  return file;
}

const CHUNK_HASH = Buffer.alloc(32, 1);

test.each<[what: string, frames: Buffer[], why: RegExp]>([
  ['wants what was not announced', [want(1)], /not announced/],
  ['wants a file twice', [want(0), want(0)], /not announced/],
  ['has more chunks than there are', [want(0, 4)], /more of 'it' than there is/],
  ['checks a part of a file', [check(0, 1)], /more of 'it' than there is/],
  ['says more hashes than it announced', [want(0, 1), hashes(Buffer.alloc(64))], /hashes that were not announced/],
  ['says hashes of nothing', [hashes(CHUNK_HASH)], /hashes that were not announced/],
  ['says a hash that is not whole', [want(0, 1), hashes(Buffer.alloc(33))], /not whole/],
  ['is done before anything was sent', [done(1, 0, 0, 0, 0)], /done before the end/],
  ['has a file that was not sent', [leave(0, 0)], /has a file that was not sent/],
  ['answers with an unknown outcome', [leave(0, 9)], /answers what was not announced/],
  ['answers what was not announced', [leave(5, 1)], /answers what was not announced/],
  ['has a problem with what was not sent', [problem(0)], /problem with what was not sent/],
  ['accepts twice', [accept()], /ACCEPT twice/],
  ['wants a stream of a file', [frame(16, Buffer.from([7, 0]))], /ACCEPT|stream/],
  ['speaks as a sender', [entry({ path: 'x' })], /receiver's ENTRY/],
  ['sends a frame that is too long', [Buffer.concat([Buffer.from([20]), u32(2 ** 31)])], /LEAVE of 2147483648 bytes/],
  ['counts beyond all numbers', [frame(17, u64(2n ** 60n), u32(0))], /too large/],
])('a receiver that %s is given up', async (_, frames, why) => {
  const { hostile, ended } = await againstSender(source());
  hostile.say(accept());
  await hostile.hear(ENTRY);
  hostile.say(...frames);
  const error = await ended;
  expect(isChatosError(error, 'DATA_INCOMPLETE') ? error.message : error).toMatch(why);
});

test('a receiver whose counts are wrong at the end is given up', async () => {
  const { hostile, ended } = await againstSender(source());
  hostile.say(accept());
  await hostile.hear(ENTRY);
  hostile.say(want(0));
  await hostile.hear(FILE_END);
  hostile.say(done(0, 1, 0, 0, 0));
  expect(await ended).toMatchObject({ message: expect.stringMatching(/counts are not those/) as string });
});

test('wrong hashes of chunks cost a receiver the whole file, and nothing else', async () => {
  const { hostile, ended } = await againstSender(source());
  hostile.say(accept());
  await hostile.hear(ENTRY);
  hostile.say(want(0, 2), hashes(Buffer.alloc(64, 9)));
  await hostile.hear(DATA);
  await hostile.hear(FILE_END);
  hostile.say(done(1, 0, 0, 0, 0));
  hostile.end();
  expect(await ended).toMatchObject({ counts: { done: 1 } });
});

test('what a receiver wants before it has accepted is refused', async () => {
  const { hostile, ended } = await againstSender(source());
  hostile.say(want(0));
  expect(await ended).toMatchObject({ message: expect.stringMatching(/WANT before ACCEPT/) as string });
});

test.each<[what: string, bytes: Buffer, why: RegExp]>([
  ['another protocol', Buffer.from('HTTP/1.1 400 Bad Request\r\n'), /does not use chatosbot receive/],
  ['another sender', hello('S'), /nobody receives/],
])('%s is told apart', async (_, bytes, why) => {
  const { requester, target } = memoryPair();
  const sender = await senderOn(requester, { sources: [{ path: source(), name: 'it' }] });
  target.resume().write(bytes);
  target.once('data', () => target.destroy());
  const ended = await sender.send().catch((error: unknown) => error);
  expect(ended).toMatchObject({ code: 'DATA_INCOMPLETE', message: expect.stringMatching(why) as string });
});

test('entries and data are not sent to a receiver that has not accepted', async () => {
  const { hostile, ended } = await againstSender(source());
  await hostile.hear(1);
  hostile.say(frame(32, Buffer.from([1]), 'no, thank you'));
  expect(await ended).toMatchObject({ code: 'REQUEST_REFUSED', message: 'bob refused: no, thank you' });
  expect(hostile.heard).not.toContain(ENTRY);
});
