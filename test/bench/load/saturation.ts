import { cpuSeconds, type Figures } from '../measure.ts';
import type { Keep } from '../servers/processes.ts';
import type { Relay } from '../servers/relays.ts';
import { Stream } from './stream.ts';

const GIB = 2 ** 30;
/** Until all of them are at full speed. */
const WARM_UP_MS = 500;

/** Measures what connections that are saturated get through while something else goes on. */
export type During = <T>(meanwhile: () => Promise<T>) => Promise<{ figures: Figures; result: T }>;

/** Sends through so many connections of a relay as fast as they take it. */
export async function saturate(relay: Relay, count: number, keep: Keep): Promise<During> {
  const stream = await Stream.open(relay, keep, count);
  await stream.saturate();
  await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
  return async (meanwhile) => {
    const [bytesBefore, cpuBefore] = [await stream.received(), cpuSeconds(relay.pid)];
    const startedAt = performance.now();
    const result = await meanwhile();
    const gib = ((await stream.received()) - bytesBefore) / GIB;
    const elapsedS = (performance.now() - startedAt) / 1000;
    const cpu = cpuSeconds(relay.pid) - cpuBefore;
    return { figures: { 'GiB/s in all': gib / elapsedS, 'CPU-s/GiB': cpu / gib }, result };
  };
}
