import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { emitTold, tellEvents, type SentEvent } from '../../../src/cluster/workers/told-events.ts';
import type { ServerEvents } from '../../../src/server/events.ts';

it('of what happens, 10,000 events are on their way at most, and those beyond are counted once half of them are known', async () => {
  const events = new EventEmitter<ServerEvents>();
  const told: SentEvent[] = [];
  const known: (() => void)[] = [];
  tellEvents(events, (event) => {
    told.push(event);
    return new Promise<void>((resolve) => known.push(resolve));
  });
  for (let count = 0; count < 10_003; count += 1) events.emit('wrongConnectId', '192.0.2.1', 'unknown');
  expect(told).toHaveLength(10_000);
  const knows = async (count: number): Promise<void> => {
    for (const each of known.splice(0, count)) each();
    await new Promise(setImmediate);
  };
  await knows(4_999);
  expect(told).toHaveLength(10_000);
  await knows(1);
  expect(told.slice(10_000)).toEqual([{ name: 'eventsLost', of: [{ value: 3 }] }]);
  await knows(5_000);
  expect(told).toHaveLength(10_001);
});

it('what another process has told is emitted with its error', () => {
  const [there, here] = [new EventEmitter<ServerEvents>(), new EventEmitter<ServerEvents>()];
  tellEvents(there, async (event) => emitTold(here, structuredClone(event)));
  const errors: unknown[] = [];
  here.on('internalError', (...of) => errors.push(...of));
  there.emit('internalError', new RangeError('out of range'), 'MESSAGE');
  expect(errors).toEqual([expect.objectContaining({ message: 'out of range' }), 'MESSAGE']);
  expect(errors[0]).toBeInstanceOf(Error);
});
