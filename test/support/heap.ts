import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | undefined;

/** What `measure` says without garbage. With `enough`, none is collected once it says less: that is what takes time here. */
export async function withoutGarbage(measure: () => number, enough = -Infinity): Promise<number> {
  setFlagsFromString('--expose-gc');
  collect ??= runInNewContext('gc') as () => void;
  for (let i = 0; i < 3 && measure() >= enough; i++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve)); // what was collected is given back later
  }
  return measure();
}

/** Memory that objects take in this process, without what is garbage (see above): for what must leave nothing behind. */
export function heapBytes(enough?: number): Promise<number> {
  return withoutGarbage(() => process.memoryUsage().heapUsed, enough);
}
