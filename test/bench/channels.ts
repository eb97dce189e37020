import type { EndsLoad } from './load/ends-load.ts';
import { startLoad, type LoadProcess } from './load/load-process.ts';
import { compare, percentile, type Figures } from './measure.ts';
import { withProcesses, type Keep } from './servers/processes.ts';
import { presentRelays, type Relay } from './servers/relays.ts';
import { saturate } from './load/saturation.ts';

const COUNTS = [1, 8, 64, 512];
const WARM_UP_MS = 500;
const PING_PONG_MS = 2_500;

/** Ping-pong through a relay, alone and beside connections that are saturated; and what those get through. */
export async function benchChannels(rounds: number): Promise<void> {
  const measured = (run: (startRelay: () => Promise<Relay>) => Promise<Figures>) =>
    presentRelays().map(({ name, startRelay }) => ({ name, run: () => run(startRelay) }));
  await compare('channels: ping-pong over one, nothing beside it', measured(alone), rounds);
  for (const count of COUNTS) {
    const title = `channels: ping-pong over one, ${count} saturated ones beside it`;
    await compare(
      title,
      measured((startRelay) => beside(startRelay, count)),
      rounds,
    );
  }
}

function alone(startRelay: () => Promise<Relay>): Promise<Figures> {
  return withProcesses(async (keep) => pingPong(await startPinging(await keep(startRelay()), keep)));
}

function beside(startRelay: () => Promise<Relay>, count: number): Promise<Figures> {
  return withProcesses(async (keep) => {
    const relay = await keep(startRelay());
    const pinging = await startPinging(relay, keep);
    const measure = await saturate(relay, count, keep);
    const { figures, result } = await measure(() => pingPong(pinging));
    return { ...figures, ...result };
  });
}

/** The pings come from a process of their own, with both ends of a connection, warmed up. */
async function startPinging(relay: Relay, keep: Keep): Promise<LoadProcess<EndsLoad>> {
  const pinging = await keep(startLoad<EndsLoad>('ends-load.ts'));
  await pinging.call('prepare', (await relay.pairs(1))[0]!);
  await pinging.call('open');
  await pinging.call('pingPong', WARM_UP_MS);
  return pinging;
}

async function pingPong(pinging: LoadProcess<EndsLoad>): Promise<Figures> {
  const times = await pinging.call('pingPong', PING_PONG_MS);
  return { 'ping us (p50)': percentile(times, 50) * 1000, 'ping us (p99)': percentile(times, 99) * 1000 };
}
