import type { EndsLoad } from './ends-load.ts';
import { startLoad } from './load-process.ts';
import { compare, cpuSeconds, residentMiB, type Figures } from './measure.ts';
import { withProcesses } from './processes.ts';
import { presentRelays, type Relay } from './relays.ts';

const GIB = 2 ** 30;
const BYTES = 4 * GIB;

/** One connection from end to end: GiB/s, the relay's CPU seconds a GiB, and its memory at the end. */
export async function benchRelay(rounds: number): Promise<void> {
  const contenders = presentRelays().map(({ name, startRelay }) => ({ name, run: () => transfer(startRelay) }));
  await compare(`relay: ${BYTES / GIB} GiB over one channel`, contenders, rounds);
}

/** Both ends are processes of their own. */
function transfer(startRelay: () => Promise<Relay>): Promise<Figures> {
  return withProcesses(async (keep) => {
    const relay = await keep(startRelay());
    const receiver = await keep(startLoad<EndsLoad>('ends-load.ts'));
    const sender = await keep(startLoad<EndsLoad>('ends-load.ts'));
    const [[receiving, sending]] = (await relay.pairs(1)) as [Awaited<ReturnType<Relay['pairs']>>[number]];
    await Promise.all([receiver.call('prepare', [receiving]), sender.call('prepare', [sending])]);
    await Promise.all([receiver.call('open'), sender.call('open')]);
    const cpuBefore = cpuSeconds(relay.pid);
    const startedAt = performance.now();
    await Promise.all([sender.call('send', BYTES), receiver.call('untilReceived', BYTES)]);
    const elapsedS = (performance.now() - startedAt) / 1000;
    const gib = BYTES / GIB;
    return {
      'GiB/s': gib / elapsedS,
      'CPU-s/GiB': (cpuSeconds(relay.pid) - cpuBefore) / gib,
      'RSS MiB': residentMiB(relay.pid),
    };
  });
}
