import type { EndsLoad } from './ends-load.ts';
import { startLoad } from './load-process.ts';
import { cpuSeconds, type Figures } from './measure.ts';
import type { Keep } from './processes.ts';
import type { Relay } from './relays.ts';

const GIB = 2 ** 30;
/** Until all of them are at full speed. */
const WARM_UP_MS = 500;

/**
 * Sends through so many connections of a relay as fast as they take it, from one process to another one. What it resolves
 * with says what they get through while something else goes on.
 */
export async function saturate(
  relay: Relay,
  count: number,
  keep: Keep,
): Promise<<T>(meanwhile: () => Promise<T>) => Promise<{ figures: Figures; result: T }>> {
  const receiver = await keep(startLoad<EndsLoad>('ends-load.ts'));
  const sender = await keep(startLoad<EndsLoad>('ends-load.ts'));
  const pairs = await relay.pairs(count);
  await Promise.all([
    receiver.call(
      'prepare',
      pairs.map(([receiving]) => receiving),
    ),
    sender.call(
      'prepare',
      pairs.map(([, sending]) => sending),
    ),
  ]);
  await Promise.all([receiver.call('open'), sender.call('open')]);
  await sender.call('send', Infinity);
  await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
  return async (meanwhile) => {
    const [bytesBefore, cpuBefore] = [await receiver.call('received'), cpuSeconds(relay.pid)];
    const startedAt = performance.now();
    const result = await meanwhile();
    const gib = ((await receiver.call('received')) - bytesBefore) / GIB;
    const elapsedS = (performance.now() - startedAt) / 1000;
    const cpu = cpuSeconds(relay.pid) - cpuBefore;
    return { figures: { 'GiB/s in all': gib / elapsedS, 'CPU-s/GiB': cpu / gib }, result };
  };
}
