import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { withResolvers } from '../../../src/util/deferred.ts';
import { openIn } from '../../support/open-files.ts';
import { memoryPair } from '../verified/memory-channels.ts';
import { entriesEnd, entry, fileEnd, offer } from './naive-frames.ts';
import { Hostile, receiverOn, target } from './rig.ts';

const [ACCEPT, WANT, PROBLEM, DONE] = [16, 17, 21, 22];

test('what ends it may come while the channel takes the last answer', async () => {
  const { inbox } = target();
  writeFileSync(path.join(inbox, 'x'), 'a file');
  const { requester, target: channel } = memoryPair();
  const ended = receiverOn(channel, { directory: inbox, conflict: 'skip' }).receive();
  const sender = new Hostile(requester, 'S');
  sender.say(offer([{ kind: 'folder', name: 'x' }], { entries: 1, bytes: 0 }));
  await sender.hear(ACCEPT);

  const taken = withResolvers<void>();
  const write = channel._write.bind(channel);
  const answer = vi.spyOn(channel, '_write').mockImplementation((...given) => {
    void taken.promise.then(() => write(...given));
  });
  sender.say(entry({ kind: 'folder', path: 'x' }));
  await expect.poll(() => answer.mock.calls.length).toBe(1);
  const last = entriesEnd(1, 0);
  const allBytes = channel.bytesReceived + last.length;
  sender.say(last);
  await expect.poll(() => channel.bytesReceived).toBe(allBytes);
  await new Promise(setImmediate);
  taken.resolve();

  await sender.hear(DONE);
  sender.end();
  expect(await ended).toMatchObject({ counts: { done: 0, refused: 0, failed: 0 } });
}, 10_000);

test('what is over while the user is asked opens nothing any more', async () => {
  const { inbox } = target();
  const { requester, target: channel } = memoryPair();
  const asked = withResolvers<void>();
  const agreed = withResolvers<void>();
  const decide = (): Promise<void> => {
    asked.resolve();
    return agreed.promise;
  };
  const ended = receiverOn(channel, { directory: inbox, decide }).receive();
  const sender = new Hostile(requester, 'S');
  sender.say(offer([{ name: 'x' }]));
  await asked.promise;
  sender.leave();
  await expect(ended).rejects.toMatchObject({ code: 'CHANNEL_ABORTED' });
  agreed.resolve();
  await new Promise(setImmediate);
  expect(openIn(inbox)).toEqual([]);
});

test('the end does not overtake a problem that waits until the channel takes more', async () => {
  const { inbox } = target();
  const { requester, target: channel } = memoryPair();
  const ended = receiverOn(channel, { directory: inbox }).receive();
  const sender = new Hostile(requester, 'S');
  // So long that a batch of 64 KiB has no room for their problems.
  const files = Array.from({ length: 300 }, (_, at) => `${'x'.repeat(220)}${at}`);
  const items = files.slice(0, 16).map((name) => ({ name }));
  sender.say(offer(items, { entries: files.length, bytes: 0, count: files.length }));
  await sender.hear(ACCEPT);
  sender.say(...files.map((at) => entry({ path: at })), entriesEnd(files.length, 0));
  for (const _ of files) await sender.hear(WANT);
  // Nothing can be written in the place of its part.
  for (const file of files) mkdirSync(path.join(inbox, `${file}.chatosbot.part`));

  const taken = withResolvers<void>();
  const write = channel._write.bind(channel);
  const held = vi.spyOn(channel, '_write').mockImplementation((...given) => {
    void taken.promise.then(() => write(...given));
  });
  sender.say(...files.map(() => fileEnd()));
  await expect.poll(() => held.mock.calls.length).toBeGreaterThan(0);
  // The last that is done before the end is said.
  await expect.poll(() => openIn(inbox)).toEqual([]);
  await new Promise(setImmediate);
  taken.resolve();

  await sender.hear(DONE);
  sender.end();
  expect(await ended).toMatchObject({ counts: { failed: files.length } });
  expect(sender.heard.filter((type) => type === PROBLEM)).toHaveLength(files.length);
  expect(sender.heard.at(-1)).toBe(DONE);
}, 10_000);
