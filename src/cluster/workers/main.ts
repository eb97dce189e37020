import process from 'node:process';
import { canBeCaught, OTHER_SIGNALS, STOP_SIGNALS } from '../../util/signals.ts';
import type { AskedByPrimary, AskedByWorker } from './messages.ts';
import { EXIT_LEASE_ENDED } from './messages.ts';
import { Wire } from './wire.ts';
import { Worker } from './worker.ts';

// The entry of a worker process, which WorkerProcess starts.

// A terminal and a supervisor send these to all processes: the primary says what becomes of the workers.
for (const signal of [...STOP_SIGNALS, ...OTHER_SIGNALS, 'SIGUSR1'] as const) {
  if (canBeCaught(signal)) process.on(signal, () => undefined);
}

let worker: Worker | undefined;

const wire: Wire<AskedByWorker, AskedByPrimary> = new Wire<AskedByWorker, AskedByPrimary>(process, {
  start: async (start) => {
    worker = new Worker(start, wire, () => {
      worker?.abort();
      process.exit(EXIT_LEASE_ENDED);
    });
    wire.answer(worker.answers);
    await worker.begin();
    return undefined;
  },
});

process.once('disconnect', () => {
  wire.close('the primary has gone');
  worker?.onOrphaned();
  process.exit(0);
});
