import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { isChatosError } from '../../../src/errors.ts';
import { RECEIVED_ELSEWHERE } from '../../../src/transfer/files/conflict.ts';
import { FileLock } from '../../../src/transfer/files/file-lock.ts';
import { Place } from '../../../src/transfer/files/place.ts';
import type { TransferEvent } from '../../../src/transfer/files/report.ts';
import { streamFile } from '../../../src/transfer/files/stream-file.ts';
import { TargetFolder } from '../../../src/transfer/files/target-folder.ts';
import { makeSecureHello } from '../../../src/transfer/secure/hello.ts';
import { heapBytes } from '../../support/heap.ts';
import { openIn } from '../../support/open-files.ts';
import { memoryPair } from '../verified/memory-channels.ts';
import {
  data,
  entriesEnd,
  entry,
  fileEnd,
  frame,
  hello,
  offer,
  packed,
  same,
  u32,
  u64,
  zeros,
  type NaiveEntry,
} from './naive-frames.ts';
import { againstReceiver, lab, receiverOn, target, transfer, type ReceiveWith } from './rig.ts';

const FOLDER: NaiveEntry = { kind: 'folder', path: 'd' };
const OFFER = offer([{ kind: 'folder', name: 'd' }]);

function refusal(ended: unknown): string {
  expect(isChatosError(ended, 'DATA_INCOMPLETE') ? 'DATA_INCOMPLETE' : ended).toBe('DATA_INCOMPLETE');
  return (ended as Error).message;
}

/** Offers, and goes on when that is accepted. */
async function send([first, ...frames]: readonly Buffer[], receiving: ReceiveWith) {
  const { hostile, ended } = againstReceiver(receiving);
  hostile.say(first!);
  await hostile.hear(ACCEPT);
  hostile.say(...frames);
  return ended;
}

/** What another process has that receives a file called `file`. */
async function lockFile(inbox: string): Promise<FileLock | undefined> {
  const place = Place.open(inbox);
  onTestFinished(() => place.close());
  return FileLock.take(place, 'file');
}

/** Of a file that is one chunk. */
function digestOf(content: string): Buffer {
  const chunk = createHash('sha256').update(content).digest();
  return createHash('sha256').update(u64(content.length)).update(chunk).digest();
}

const ACCEPT = 16;
const WANT = 17;
const HASHES = 19;
const LEAVE = 20;
const PROBLEM = 21;
const DONE = 22;
const MIB = 1024 * 1024;

describe('what a hostile sender announces', () => {
  test.each<[what: string, entries: NaiveEntry[], why: RegExp]>([
    ['a path that goes up', [{ path: '../x' }], /would lead out/],
    ['a name that is the folder above', [{ path: '..' }], /would lead out/],
    ['a path that goes up from a folder', [FOLDER, { path: 'd/../../x' }], /would lead out/],
    ['an absolute path', [{ path: '/etc/chatosbot-x' }], /is absolute/],
    ['an empty path', [{ path: '' }], /an empty name/],
    ['a path with an empty name', [FOLDER, { path: 'd//x' }], /an empty name/],
    ['a path through the folder itself', [FOLDER, { path: 'd/./x' }], /would lead out/],
    ['a name with a NUL', [FOLDER, { path: 'd/a\u0000b' }], /has a NUL/],
    ['a name that is not UTF-8', [{ path: Buffer.from([0x61, 0xff]) }], /is not UTF-8/],
    ['the device CON', [FOLDER, { path: 'd/CON' }], /device in Windows/],
    ['the device NUL with an ending', [FOLDER, { path: 'd/nul.tar.gz' }], /device in Windows/],
    ['a device with a superscript', [FOLDER, { path: 'd/COM¹' }], /device in Windows/],
    ['a path of Windows', [FOLDER, { path: String.raw`d\..\..\x` }], /is a path in Windows/],
    ['a name that is too long', [FOLDER, { path: `d/${'x'.repeat(256)}` }], /is too long/],
    ['a path of too many names', [FOLDER, { path: `d${'/d'.repeat(200)}` }], /more than 128 names deep/],
    ['the part of another file', [FOLDER, { path: 'd/x.chatosbot.part' }], /unfinished file/],
    ['the part of another file, for systems without case', [FOLDER, { path: 'd/x.ChatOSbot.PART' }], /unfinished file/],
    ['a name that a system may take for a part', [FOLDER, { path: 'd/x.chato\u017fbot.part' }], /unfinished file/],
    ['a name with lines of its own', [{ path: 'x\nall is well' }], /'x\\nall is well' was not offered/],
    ['a file in no folder', [{ path: 'e/x' }], /in no folder that was sent/],
    ['a file in a file', [FOLDER, { path: 'd/x' }, { path: 'd/x/y' }], /in no folder that was sent/],
    [
      'a file in a folder that is over',
      [FOLDER, { kind: 'folder', path: 'd/a' }, { path: 'd/b' }, { path: 'd/a/x' }],
      /in no folder/,
    ],
    ['a file through a link', [FOLDER, { kind: 'link', path: 'd/l', target: 'a' }, { path: 'd/l/x' }], /in no folder/],
    ['a link with an absolute target', [FOLDER, { kind: 'link', path: 'd/l', target: '/etc' }], /leads out/],
    ['a link that leads out', [FOLDER, { kind: 'link', path: 'd/l', target: '../x' }], /leads out/],
    [
      'a link that goes down and up',
      [FOLDER, { kind: 'link', path: 'd/l', target: 'a/../../..' }],
      /down and up again/,
    ],
    ['a link to the folder above all', [FOLDER, { kind: 'link', path: 'd/l', target: '..' }], /leads out/],
    ['a link without a target', [FOLDER, { kind: 'link', path: 'd/l' }], /without a target/],
    ['names that differ by case', [FOLDER, { path: 'd/A' }, { path: 'd/a' }], /comes twice/],
    ['names that differ by the form of Unicode', [FOLDER, { path: 'd/\u00e9' }, { path: 'd/e\u0301' }], /comes twice/],
    ['a name twice', [FOLDER, { path: 'd/x' }, { path: 'd/x' }], /comes twice/],
    ['a folder that becomes a link', [FOLDER, { kind: 'link', path: 'd', target: 'x' }], /comes twice/],
    ['something else than was offered', [{ path: '.bashrc' }], /was not offered/],
    ['more than was offered at the top', [FOLDER, { path: 'e' }], /was not offered/],
    ['more bytes than were offered', [FOLDER, { path: 'd/x', size: 2 ** 30 }], /bytes that were offered/],
    ['a size that is no number', [FOLDER, { path: 'd/x', size: 2n ** 63n }], /too large/],
    ['a size of a folder', [{ ...FOLDER, size: 5 }], /size of what is no file/],
  ])('%s is refused, and nothing is written outside', async (_, entries, why) => {
    const { inbox, untouched } = target();
    expect(refusal(await send([OFFER, ...entries.map(entry)], { directory: inbox }))).toMatch(why);
    expect(untouched()).toBe(true);
    expect(existsSync('/etc/chatosbot-x')).toBe(false);
    expect(readdirSync(inbox).filter((name) => name !== 'd')).toEqual([]);
  });

  test('a sixteenth more entries and bytes than offered, 64 entries and 1 MiB are taken, and not more', async () => {
    const { inbox } = target();
    const announce = async (...entries: readonly NaiveEntry[]) => {
      const { hostile, ended } = againstReceiver({ directory: inbox });
      hostile.say(offer([{ kind: 'folder', name: 'd' }], { entries: 16, bytes: 160 }));
      await hostile.hear(ACCEPT);
      hostile.say(entry(FOLDER), ...entries.map(entry));
      while (hostile.heard.length < entries.length + 2 && !hostile.isOver) await hostile.hear(WANT, LEAVE);
      hostile.leave();
      return ended;
    };
    const folders = Array.from({ length: 81 }, (_, at): NaiveEntry => ({ kind: 'folder', path: `d/${at}` }));
    expect(await announce(...folders.slice(1))).toMatchObject({ code: 'CHANNEL_ABORTED' });
    expect(refusal(await announce(...folders))).toMatch(/more than the 16 files and folders/);
    const file = { path: 'd/x', size: 160 + 10 + MIB };
    expect(await announce(file)).toMatchObject({ code: 'CHANNEL_ABORTED' });
    expect(refusal(await announce({ ...file, size: file.size + 1 }))).toMatch(/more than the 160 bytes/);
  });

  test('512 entries may wait for an answer at once; one more is refused', async () => {
    const { inbox } = target();
    const wait = async (count: number) => {
      const { hostile, ended } = againstReceiver({ directory: inbox });
      hostile.say(offer([{ kind: 'folder', name: 'd' }], { entries: 9_999 }));
      await hostile.hear(ACCEPT);
      hostile.say(...Array.from({ length: count }, (_, at) => entry(at ? { path: `d/${at}` } : FOLDER)));
      while (hostile.heard.length < count && !hostile.isOver) await hostile.hear(WANT, LEAVE);
      hostile.leave();
      return ended;
    };
    expect(await wait(512)).toMatchObject({ code: 'CHANNEL_ABORTED' });
    expect(refusal(await wait(513))).toMatch(/too many entries at once/);
  });

  test.each([
    ['a device', String.raw`NUL.txt`],
    ['a backslash', String.raw`a\b`],
  ])('%s in a name is taken where the user allows it', async (_, name) => {
    const { inbox, beside } = target();
    const { hostile, ended } = againstReceiver({ directory: inbox, anyNames: true });
    hostile.say(offer([{ name }]));
    await hostile.hear(ACCEPT);
    hostile.say(entry({ path: name }), entriesEnd(1, 0));
    await hostile.hear(WANT);
    // SHA-256 of the size, and of no chunk.
    hostile.say(fileEnd(createHash('sha256').update(Buffer.alloc(8)).digest()));
    await hostile.hear(DONE);
    expect(readdirSync(inbox)).toEqual([name]);
    hostile.leave();
    await ended;
    expect(readdirSync(beside)).toEqual(['inbox']);
  });
});

describe('what a hostile sender says of a file', () => {
  const ONE = [offer([{ name: 'x' }], { bytes: 10 }), entry({ path: 'x', size: 10 })];

  test.each<[what: string, frames: Buffer[], why: RegExp]>([
    ['more bytes than it has', [data('x'.repeat(11))], /longer than the 10 bytes/],
    ['more zeros than it has', [zeros(11)], /longer than the 10 bytes/],
    ['zeros that would take hours to write', [zeros(2 ** 50)], /1125899906842624 zeros at once/],
    ['fewer bytes', [data('x'), fileEnd()], /ends at 1 of 10 bytes/],
    ['a wrong digest', [data('x'.repeat(10)), fileEnd()], /SHA-256 is wrong/],
    ['a piece that unfolds a thousandfold', [packed(10, deflateRawSync(Buffer.alloc(100_000)))], /unfolds to more/],
    ['a piece that says it is large', [packed(2 ** 31, deflateRawSync(Buffer.alloc(10)))], /unfolds to 2147483648/],
    ['a piece that unfolds to less', [packed(10, deflateRawSync(Buffer.alloc(9)))], /9 bytes instead of 10/],
    ['a piece that cannot be unfolded', [packed(10, Buffer.from('garbage'))], /cannot be unfolded/],
    ['chunks that the receiver does not have', [same(1)], /known that are not/],
    ['a verdict that nobody asked for', [frame(9, Buffer.from([1]))], /out of place/],
    ['an unknown frame', [frame(99)], /type 99 is unknown/],
    [
      'a frame of a length that is not possible',
      [Buffer.concat([Buffer.from([4]), u32(2 ** 31)])],
      /DATA of 2147483648 bytes/,
    ],
    ['a frame of a receiver', [frame(17, u64(0), u32(0))], /WANT out of place/],
    ['another offer', [offer([{ name: 'y' }])], /OFFER twice/],
  ])('%s: refused', async (_, frames, why) => {
    const { inbox, untouched } = target();
    const { hostile, ended } = againstReceiver({ directory: inbox });
    hostile.say(ONE[0]!);
    await hostile.hear(ACCEPT);
    hostile.say(ONE[1]!);
    await hostile.hear(WANT);
    hostile.say(...frames);
    expect(refusal(await ended)).toMatch(why);
    expect(untouched()).toBe(true);
    expect(existsSync(path.join(inbox, 'x'))).toBe(false);
  });

  test('a mebibyte of zeros may come at once, and not more', async () => {
    const { inbox } = target();
    const { hostile, ended } = againstReceiver({ directory: inbox });
    hostile.say(offer([{ name: 'x' }], { bytes: 4 * MIB }));
    await hostile.hear(ACCEPT);
    hostile.say(entry({ path: 'x', size: 4 * MIB }));
    await hostile.hear(WANT);
    hostile.say(zeros(MIB), zeros(MIB + 1));
    expect(refusal(await ended)).toMatch(/1048577 zeros at once/);
  });

  test('the content of what was not asked for is refused', async () => {
    const { inbox } = target();
    const ended = await send([offer([{ name: 'x' }]), data('x')], { directory: inbox });
    expect(refusal(ended)).toMatch(/before ACCEPT|not asked for/);
  });

  test.each<[what: string, bytes: Buffer, why: RegExp]>([
    ['another protocol', Buffer.from('SSH-2.0-OpenSSH_9.9\r\n'), /does not use chatosbot send/],
    ['another version', hello('S', 9), /version 9 of file transfer/],
    ['a receiver', hello('R'), /nobody sends/],
  ])('%s is told apart', async (_, bytes, why) => {
    const { inbox } = target();
    const { requester, target: other } = memoryPair();
    const receiving = receiverOn(other, { directory: inbox }).receive();
    requester.resume().end(bytes);
    expect(refusal(await receiving.catch((error: unknown) => error))).toMatch(why);
  });
});

test.each<[what: string, bytes: Buffer, why: RegExp]>([
  ['goes on with a stream', Buffer.from('9fbc2c984e7b5334ae068df3b9ccf8a4', 'hex'), /run both sides again/],
  ['has another version', hello('S', 9), /use the same chatosbot/],
])('a peer that %s gets our hello, and so learns why we give up, however late it reads', async (_, bytes, why) => {
  const { requester, target: other } = memoryPair();
  const receiving = receiverOn(other, { directory: target().inbox }).receive();
  const refused = receiving.catch((error: unknown) => error);
  requester.write(bytes);
  await new Promise<void>((resolve) => other.once('finish', resolve).once('close', resolve));
  const said: Buffer[] = [];
  for await (const chunk of requester.iterator({ destroyOnReturn: false })) said.push(chunk as Buffer);
  expect(Buffer.concat(said)).toEqual(hello('R'));
  requester.end();
  expect(refusal(await refused)).toMatch(why);
});

test('a peer that says nothing for ten seconds is given up, and one that has said hello is not', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { target: silent } = memoryPair();
  const given = receiverOn(silent, { directory: target().inbox }).receive();
  vi.advanceTimersByTime(9_999);
  expect(silent.destroyed).toBe(false);
  vi.advanceTimersByTime(1);
  await expect(given).rejects.toMatchObject({
    code: 'DATA_INCOMPLETE',
    message: expect.stringMatching(/said nothing within 10 s$/) as string,
  });
  const source = path.join(lab(), 'a.txt');
  writeFileSync(source, 'hello');
  // Somebody thinks about it for a minute.
  const decide = (): void => void vi.advanceTimersByTime(60_000);
  const { received, sent } = await transfer(source, { directory: target().inbox, decide });
  expect([received, sent]).toMatchObject([{ bytes: 5 }, { bytes: 5 }]);
});

test('what is given up, or over, leaves no timer behind that would hold up the process', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  expect(refusal(await send([OFFER, entry({ path: '../x' })], { directory: target().inbox }))).toMatch(/lead out/);
  expect(vi.getTimerCount()).toBe(0);
  const source = path.join(lab(), 'a.txt');
  writeFileSync(source, 'hello');
  await transfer(source, { directory: target().inbox });
  expect(vi.getTimerCount()).toBe(0);
  const { requester, target: other } = memoryPair();
  const receiving = receiverOn(other, { directory: target().inbox }).receive();
  requester.destroy();
  await expect(receiving).rejects.toMatchObject({ code: 'CHANNEL_ABORTED' });
  expect(vi.getTimerCount()).toBe(0);
});

test('a peer that encrypts is told from one that sends no files', async () => {
  const { requester, target: other } = memoryPair();
  const receiving = receiverOn(other, { directory: target().inbox }).receive();
  requester.resume().write(makeSecureHello('requester', 'key'));
  await expect(receiving).rejects.toMatchObject({
    code: 'WRONG_SECRET',
    message: expect.stringContaining('ann encrypts'),
  });
});

describe('what stands in the folder', () => {
  /** Sends a file in a folder, with what happens between the two. */
  async function sendInto(inbox: string, meanwhile: () => void = () => undefined) {
    const { hostile, ended } = againstReceiver({ directory: inbox });
    hostile.say(OFFER);
    await hostile.hear(ACCEPT);
    hostile.say(entry(FOLDER));
    await hostile.hear(LEAVE);
    meanwhile();
    hostile.say(entry({ path: 'd/x', size: 4 }));
    await hostile.hear(WANT, LEAVE);
    hostile.say(data('evil'));
    hostile.leave();
    await ended;
  }

  test('a link in place of a folder is not followed', async () => {
    const { inbox } = target();
    const outside = lab();
    symlinkSync(outside, path.join(inbox, 'd'));
    await sendInto(inbox);
    expect(readdirSync(outside)).toEqual([]);
  });

  test('a link that takes the place of a folder meanwhile is not written through', async () => {
    const { inbox } = target();
    const outside = lab();
    await sendInto(inbox, () => {
      renameSync(path.join(inbox, 'd'), path.join(inbox, 'moved'));
      symlinkSync(outside, path.join(inbox, 'd'));
    });
    expect(readdirSync(outside)).toEqual([]);
  });

  test.each([
    ['a link', symlinkSync],
    ['another name of a file', linkSync],
  ])('%s in place of the part is not written through', async (_, make) => {
    const { inbox } = target();
    const victim = path.join(lab(), 'victim');
    writeFileSync(victim, 'precious');
    mkdirSync(path.join(inbox, 'd'));
    make(victim, path.join(inbox, 'd', 'x.chatosbot.part'));
    await sendInto(inbox);
    expect(readFileSync(victim, 'utf8')).toBe('precious');
  });

  /** A file of two chunks, of which the part has all; it is looked at, and then something happens. */
  async function sendKnown(meanwhile: (part: string) => void) {
    const { inbox } = target();
    const bytes = Buffer.alloc(2 * MIB, 'x');
    const part = path.join(inbox, 'x.chatosbot.part');
    writeFileSync(part, bytes);
    const { hostile, ended } = againstReceiver({ directory: inbox });
    hostile.say(offer([{ name: 'x' }], { bytes: bytes.length }));
    await hostile.hear(ACCEPT);
    hostile.say(entry({ path: 'x', size: bytes.length }), entriesEnd(1, bytes.length));
    await hostile.hear(HASHES);
    meanwhile(part);
    const size = Buffer.alloc(8);
    size.writeBigUInt64BE(BigInt(bytes.length));
    const chunk = createHash('sha256').update(bytes.subarray(0, MIB)).digest();
    hostile.say(same(2), fileEnd(createHash('sha256').update(size).update(chunk).update(chunk).digest()));
    await hostile.hear(PROBLEM, DONE);
    hostile.leave();
    await ended;
    return { heard: hostile.heard, there: readdirSync(inbox), inbox };
  }

  test('a part that is all there is no more to be sent', async () => {
    const { heard, there } = await sendKnown(() => undefined);
    expect(heard).not.toContain(PROBLEM);
    expect(there).toEqual(['x']);
  });

  test.each<[what: string, meanwhile: (part: string) => void]>([
    ['is removed', (part) => unlinkSync(part)],
    ['is replaced by another one', (part) => (unlinkSync(part), writeFileSync(part, 'other'))],
  ])('a part that %s after it was looked at never counts as the file', async (_, meanwhile) => {
    const { heard, inbox } = await sendKnown(meanwhile);
    expect(heard).toContain(PROBLEM);
    expect(existsSync(path.join(inbox, 'x'))).toBe(false);
    expect(openIn(inbox)).toEqual([]);
  });

  test('a part that has one whole chunk is gone on with', async () => {
    const { inbox } = target();
    const file = path.join(lab(), 'file');
    const bytes = randomBytes(2 * MIB);
    writeFileSync(file, bytes);
    writeFileSync(path.join(inbox, 'file.chatosbot.part'), bytes.subarray(0, MIB));
    const { received, bytesSent } = await transfer(file, { directory: inbox });
    expect(received).toMatchObject({ counts: { done: 1 } });
    expect(bytesSent).toBeLessThan(1.1 * MIB);
    expect(readFileSync(path.join(inbox, 'file')).equals(bytes)).toBe(true);
  });

  test('a large file that another process receives is refused, until that has ended', async () => {
    const { inbox } = target();
    const file = path.join(lab(), 'file');
    writeFileSync(file, Buffer.alloc(2 * MIB, 1));
    const lock = await lockFile(inbox);
    const { received, events } = await transfer(file, { directory: inbox });
    expect(received).toMatchObject({ counts: { refused: 1, done: 0 } });
    expect(events).toContainEqual(expect.objectContaining({ outcome: 'refused', reason: RECEIVED_ELSEWHERE }));
    expect(readdirSync(inbox)).toEqual([]);
    lock!.release();
    const again = await transfer(file, { directory: inbox });
    expect(again.received).toMatchObject({ counts: { done: 1 } });
  });

  test('a stream into a file that another process receives is refused', async () => {
    const { inbox } = target();
    const lock = await lockFile(inbox);
    const refused = streamFile(inbox, 'file', 'refuse', false);
    await expect(refused).rejects.toMatchObject({ fields: { why: RECEIVED_ELSEWHERE } });
    lock!.release();
  });

  test('a small file whose part another process begins anew is not mixed with that', async () => {
    const { inbox } = target();
    const { hostile, ended } = againstReceiver({ directory: inbox });
    hostile.say(offer([{ name: 'x' }]));
    await hostile.hear(ACCEPT);
    hostile.say(entry({ path: 'x', size: 4 }), entriesEnd(1, 4));
    await hostile.hear(WANT);
    hostile.say(data('ours'));
    const part = path.join(inbox, 'x.chatosbot.part');
    while (!existsSync(part)) await new Promise(setImmediate);
    unlinkSync(part);
    writeFileSync(part, 'the');
    hostile.say(fileEnd(digestOf('ours')));
    await hostile.hear(PROBLEM);
    hostile.leave();
    await ended;
    expect(readdirSync(inbox)).toEqual(['x.chatosbot.part']);
    expect(readFileSync(part, 'utf8')).toBe('the');
  });
});

test('what was stopped lets go of the file at once: the next private connection goes on with it', async () => {
  const { inbox } = target();
  const file = path.join(lab(), 'file');
  writeFileSync(file, Buffer.alloc(8 * MIB, 3));
  for (const breakAfterBytes of [100, MIB, 3 * MIB]) {
    await transfer(file, { directory: inbox }, { pair: { breakAfterBytes } });
  }
  expect((await transfer(file, { directory: inbox })).received).toMatchObject({ counts: { done: 1 } });
});

test('what was stopped has no folder of the sender open', async () => {
  const { inbox } = target();
  const folder = path.join(lab(), 'many');
  mkdirSync(path.join(folder, 'deep'), { recursive: true });
  for (let at = 0; at < 1_000; at += 1) writeFileSync(path.join(folder, 'deep', `${at}`), 'some');
  const { sent } = await transfer(folder, { directory: inbox }, { pair: { breakAfterBytes: 30_000 } });
  expect(sent).toMatchObject({ code: 'CHANNEL_ABORTED' });
  expect(openIn(folder)).toEqual([]);
});

test('what has come whole when the private connection is lost has its name by the time that is said', async () => {
  const { inbox } = target();
  const events: TransferEvent[] = [];
  const { hostile, ended } = againstReceiver({ directory: inbox, onEvent: (event) => events.push(event) });
  hostile.say(offer([{ kind: 'folder', name: 'd' }], { entries: 20 }));
  await hostile.hear(ACCEPT);
  const names = Array.from({ length: 20 }, (_, at) => `file ${at}`).toSorted();
  hostile.say(entry(FOLDER), ...names.map((name) => entry({ path: `d/${name}`, size: 4 })));
  for (const _ of names) await hostile.hear(WANT);
  hostile.say(...names.flatMap(() => [data('ours'), fileEnd(digestOf('ours'))]));
  hostile.leave();
  expect(await ended).toMatchObject({ code: 'CHANNEL_ABORTED' });
  expect(readdirSync(path.join(inbox, 'd')).toSorted()).toEqual(names);
  const outcomes = events.flatMap((event) => (event.type === 'entry' ? [event.outcome] : []));
  expect(new Set(outcomes)).toEqual(new Set(['done']));
});

test('many long names in a folder take little memory', async () => {
  const folder = new TargetFolder(['d']);
  const MANY = 30_000;
  const before = await heapBytes();
  for (let at = 0; at < MANY; at += 1) folder.claim(`${at}-${'x'.repeat(240)}`, true);
  expect(folder.claim(`5-${'x'.repeat(240)}`, true)).toBe(false);
  expect(((await heapBytes()) - before) / MANY).toBeLessThan(160);
});
