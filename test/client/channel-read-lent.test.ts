import { once } from 'node:events';
import { expect, it } from 'vitest';
import { within } from '../support/fake-server.ts';
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
