import { getEventListeners } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { lab, target, transfer } from './rig.ts';

test('a transfer that is over, or was broken off, does not wait for its signal any more: the next one has the same', async () => {
  const { inbox } = target();
  const file = path.join(lab(), 'file');
  writeFileSync(file, Buffer.alloc(100_000, 1));
  const { signal } = new AbortController();
  const options = { sending: { signal }, pair: { breakAfterBytes: 1_000 } };
  expect((await transfer(file, { directory: inbox, signal }, options)).sent).toMatchObject({ code: 'CHANNEL_ABORTED' });
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  const { received } = await transfer(file, { directory: inbox, signal }, { sending: { signal } });
  expect(received).toMatchObject({ counts: { done: 1 } });
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});
