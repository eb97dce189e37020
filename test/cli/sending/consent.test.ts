import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { decide } from '../../../src/cli/sending/consent.ts';
import { DEFAULT_MAX_ENTRIES, type ReceiveFlags } from '../../../src/cli/sending/flags.ts';
import { ProgressView } from '../../../src/cli/sending/progress-view.ts';
import { receiveFrom } from '../../../src/cli/sending/receiving-files.ts';
import type { Offer } from '../../../src/transfer/files/offer.ts';
import { offer } from '../../transfer/files/naive-frames.ts';
import { Hostile } from '../../transfer/files/rig.ts';
import { memoryPair } from '../../transfer/verified/memory-channels.ts';

const { signal } = new AbortController();
const FLAGS: ReceiveFlags = { dir: '.', conflict: 'refuse', yes: true, maxEntries: DEFAULT_MAX_ENTRIES };
const OFFER: Offer = {
  kind: 'files',
  id: Buffer.alloc(16),
  entries: 1,
  bytes: 10,
  items: [{ kind: 'file', name: 'x', size: 10 }],
  itemCount: 1,
};

test.each<[what: string, offered: Partial<Offer>, flags: Partial<ReceiveFlags>, why: RegExp]>([
  ['too many files', { entries: 500_001 }, {}, /500001 files and folders are more than 500000/],
  ['more files than --max-entries', { entries: 6 }, { maxEntries: 5 }, /6 files and folders are more than 5$/],
  ['a byte more than --max-size', { bytes: 1_001 }, { maxSize: 1_000 }, /more than the 1000 B/],
  ['more bytes than --max-size', { bytes: 2 ** 20 }, { maxSize: 1_000 }, /1.0 MiB are more than the 1000 B/],
  ['two files for one --output', { itemCount: 2 }, { output: 'y' }, /2 files and folders do not fit/],
])('%s are refused before anything is sent', async (_, offered, flags, why) => {
  const decision = decide({ ...OFFER, ...offered }, 'ann', { ...FLAGS, ...flags }, 'inbox', signal);
  await expect(decision).rejects.toMatchObject({
    code: 'REQUEST_REFUSED',
    message: expect.stringMatching(why) as string,
  });
});

test.each<[what: string, offered: Partial<Offer>, flags: Partial<ReceiveFlags>]>([
  ['half a million files', { entries: 500_000 }, {}],
  ['as many files as --max-entries', { entries: 5 }, { maxEntries: 5 }],
  ['as many bytes as --max-size', { bytes: 1_000 }, { maxSize: 1_000 }],
])('%s are taken', async (_, offered, flags) => {
  const decision = decide({ ...OFFER, ...offered }, 'ann', { ...FLAGS, ...flags }, 'inbox', signal);
  await expect(decision).resolves.toBeUndefined();
});

test('a sender that comes back with more than was agreed to is judged again', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-consent-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [first, second] = [memoryPair(), memoryPair()];
  const flags = { ...FLAGS, dir: folder, maxSize: 2 ** 20 };
  const received = receiveFrom(
    first.target,
    () => ({ next: () => Promise.resolve(second.target), release: () => undefined }),
    { flags, report: () => undefined, view: new ProgressView({ quiet: true }), secret: undefined, signal },
  ).catch((error: unknown) => error);
  const ACCEPT = 16;
  const hostile = new Hostile(first.requester, 'S');
  hostile.say(offer([{ name: 'x', size: 10 }], { entries: 1, bytes: 10 }));
  await hostile.hear(ACCEPT);
  hostile.leave();
  // The same id as before.
  const back = new Hostile(second.requester, 'S');
  back.say(offer([{ name: '.bashrc', size: 2 ** 30 }], { entries: 1, bytes: 2 ** 30 }));
  expect(await received).toMatchObject({
    code: 'REQUEST_REFUSED',
    message: expect.stringContaining('--max-size') as string,
  });
  expect(back.heard).not.toContain(ACCEPT);
  expect(existsSync(path.join(folder, '.bashrc'))).toBe(false);
});
