import { once } from 'node:events';
import { expect, it } from 'vitest';
import { within } from '../support/fake-server.ts';
import { pattern } from '../support/server-sockets.ts';
import { openPair, readAll } from './real-server.ts';

it.each([0, 1, 2, 3, 4, 8])('readLent goes on where our direction ended %i ticks before it begins', async (ticks) => {
  const { here, there } = await openPair();
  there.write('first');
  await once(here, 'readable');
  const answered = readAll(there).then(() => there.end('rest'));
  const taken: string[] = [];
  const closed = new Promise<unknown>((resolve) => {
    here.once('error', () => undefined).once('close', () => resolve(here.errored));
  });
  await here.readLent(async (chunk) => {
    taken.push(chunk.toString());
    if (taken.length > 1) return;
    here.end();
    for (let tick = 0; tick < ticks; tick += 1) await new Promise<void>((resolve) => process.nextTick(resolve));
  });
  await answered;
  expect(taken.join('')).toBe('firstrest');
  expect(await closed).toBeNull();
});

it.each([0, 1, 2, 3, 4, 8])('what is written %i ticks after readLent began is reported as sent', async (ticks) => {
  const { here, there } = await openPair();
  there.write('first');
  await once(here, 'readable');
  const reading = here.readLent(() => undefined);
  for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve();
  const written = new Promise<unknown>((resolve) => here.write('hello', (error) => resolve(error ?? 'sent')));
  expect(await within(written, 'the write')).toBe('sent');
  there.end();
  here.end();
  expect(await readAll(there)).toEqual(Buffer.from('hello'));
  await reading;
});

it('lends one chunk at a time, also where more has come than the stream keeps before it begins', async () => {
  const { here, there } = await openPair();
  const sent = pattern(1024 * 1024);
  there.end(sent);
  await once(here, 'readable');
  // The stream is full, and what comes now waits in the socket beneath it.
  await expect.poll(() => there.bytesMoved).toBeGreaterThan(256 * 1024);
  await new Promise((resolve) => setImmediate(resolve));
  const taken: Buffer[] = [];
  let taking = 0;
  await here.readLent(async (chunk) => {
    taking += 1;
    expect(taking).toBe(1);
    // Time for the socket to read more, if it would.
    for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    taken.push(Buffer.from(chunk));
    taking -= 1;
  });
  expect(Buffer.concat(taken).equals(sent)).toBe(true);
});
