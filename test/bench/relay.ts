import { compare, cpuSeconds, residentMiB, type Figures } from './measure.ts';
import { withProcesses } from './servers/processes.ts';
import { presentRelays, tlsRelays, type Relay } from './servers/relays.ts';
import { Stream } from './load/stream.ts';

const GIB = 2 ** 30;
const BYTES = 4 * GIB;

/** One connection from end to end: GiB/s, the relay's CPU seconds a GiB, and its memory at the end. */
export async function benchRelay(rounds: number): Promise<void> {
  const contenders = presentRelays().map(({ name, startRelay }) => ({ name, run: () => transfer(startRelay) }));
  await compare(`relay: ${BYTES / GIB} GiB over one channel`, contenders, rounds);
}

const TLS_BYTES = GIB;

/** The same with TLS on both sides. */
export async function benchRelayTls(rounds: number): Promise<void> {
  const contenders = (await tlsRelays()).map(({ name, startRelay }) => ({
    name,
    run: () => transfer(startRelay, TLS_BYTES),
  }));
  await compare(`relay: ${TLS_BYTES / GIB} GiB over one channel, TLS on both sides`, contenders, rounds);
}

function transfer(startRelay: () => Promise<Relay>, bytes = BYTES): Promise<Figures> {
  return withProcesses(async (keep) => {
    const relay = await keep(startRelay());
    const stream = await Stream.open(relay, keep);
    const cpuBefore = cpuSeconds(relay.pid);
    const elapsedS = await stream.send(bytes);
    const gib = bytes / GIB;
    return {
      'GiB/s': gib / elapsedS,
      'CPU-s/GiB': (cpuSeconds(relay.pid) - cpuBefore) / gib,
      'RSS MiB': residentMiB(relay.pid),
    };
  });
}
