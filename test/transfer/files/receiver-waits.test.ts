import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { withResolvers } from '../../../src/util/deferred.ts';
import { openIn } from '../../support/open-files.ts';
import { memoryPair } from '../verified/memory-channels.ts';
import { entriesEnd, entry, offer } from './naive-frames.ts';
import { Hostile, receiverOn, target } from './rig.ts';

const [ACCEPT, DONE] = [16, 22];

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
