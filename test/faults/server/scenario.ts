/** An attack, what must hold beside it, and whether it does. */
import { Attack, type Scale } from './attack.ts';
import type { HonestClients } from './honest-clients.ts';
import type { Honest, Role } from './honest-main.ts';
import { ServerProcess, type Memory, type ServerSettings } from './server-process.ts';
import { holds, pause } from './waiting.ts';

export interface Scenario {
  /** What holds, as the title of a test. */
  readonly name: string;
  readonly server?: ServerSettings | ((scale: Scale) => ServerSettings);
  /** @default all of them */
  readonly honest?: readonly Role[];
  /** The most memory that the server may have resident meanwhile. */
  readonly maxPeakMiB?: number;
  /** Why it does not hold yet; the short form leaves it out. */
  readonly pending?: string;
  /** Whether the short form leaves it out, as another one is much like it. */
  readonly soakOnly?: boolean;
  readonly run: (attack: Attack) => Promise<void>;
  /** What is looked at when the prober's figures are taken, and the attackers are still there. */
  readonly inspect?: (attack: Attack) => Promise<void>;
  /** What is done last: the attackers are still there when the server is stopped. */
  readonly beforeStop?: (attack: Attack) => Promise<void>;
}

/** What is allowed. */
export interface Bounds {
  /** The 99th percentile of what the prober waits may be so long, or 1.2 times what it is undisturbed. */
  readonly probeP99Ms: number;
  readonly newcomerMs: number;
  /** What a turn of the server's event loop may take of a processor. */
  readonly turnMs: number;
  /** How much more may be resident afterwards, and in use when garbage is gone. */
  readonly rssMiB: number;
  readonly usedMiB: number;
  readonly undisturbedMs: number;
  /** How often the attack is repeated on the same server: what grows with each time is a leak. */
  readonly rounds: number;
}

export interface Outcome {
  readonly name: string;
  readonly faults: readonly string[];
  readonly figures: Readonly<Record<string, string | number>>;
}

const EVERYBODY: readonly Role[] = ['prober', 'readers', 'newcomers'];

export async function runScenario(
  { name, run, inspect, beforeStop, maxPeakMiB, ...scenario }: Scenario,
  scale: Scale,
  bounds: Bounds,
  honest: HonestClients,
): Promise<Outcome> {
  const settings = typeof scenario.server === 'function' ? scenario.server(scale) : (scenario.server ?? {});
  const server = await ServerProcess.start(settings);
  const faults: string[] = [];
  const figures: Record<string, string | number> = {};
  const last = new Attack(server, scale, 0);
  try {
    await honest.join(server, scenario.honest ?? EVERYBODY);
    faults.push(...(await honest.report()).faults);
    await pause(bounds.undisturbedMs);
    const calm = await honest.report();
    let before = await server.memory();
    for (let round = 1; round <= bounds.rounds; round++) {
      const descriptors = await restingDescriptors(server);
      server.forgetPeak();
      // What it cost to look at the memory is nobody's fault.
      faults.push(...(await honest.report()).faults);
      await server.longestTurnMs();
      const began = performance.now();
      const attack = new Attack(server, scale, before.usedMiB);
      let during: Honest;
      try {
        await run(attack);
        during = await honest.report();
        const turnMs = await server.longestTurnMs();
        attack.figures['longest turn ms'] = turnMs.toFixed(1);
        attack.expect(turnMs <= bounds.turnMs, `a turn took ${turnMs.toFixed(1)} ms of a processor`);
        await inspect?.(attack);
      } finally {
        attack.leave();
      }
      await honest.catchUp();
      Object.assign(figures, { seconds: seconds(began), ...shown(calm, during), ...attack.figures });
      await returned(server, descriptors, faults);
      const after = await server.memory();
      figures['peak MiB'] = Math.round(server.peakMiB);
      figures['grown MiB'] =
        `${(after.usedMiB - before.usedMiB).toFixed(1)} used, ${Math.round(after.rssMiB - before.rssMiB)} resident`;
      const later = await honest.report();
      faults.push(...attack.faults, ...during.faults, ...later.faults, ...judge(calm, during, bounds));
      if (maxPeakMiB !== undefined && server.peakMiB > maxPeakMiB) faults.push(`${server.peakMiB} MiB were resident`);
      // In the first round, code is compiled and tables grow to their size; with several, the last one shows a leak.
      if (round === bounds.rounds) faults.push(...grown(before, after, bounds));
      before = after;
    }
    await beforeStop?.(last);
  } catch (error) {
    faults.push((error as Error).message);
  }
  if (server.ended !== undefined) faults.push(`the server has ended (${server.ended}): ${lastLines(server.log)}`);
  await honest.leave();
  const stop = await server.stop();
  last.leave();
  if (stop.ms > 5_000) faults.push(`SIGTERM ended it after ${Math.round(stop.ms)} ms only`);
  if (stop.longestTurnMs > bounds.turnMs) faults.push(`a turn of its end took ${stop.longestTurnMs.toFixed(1)} ms`);
  return { name, faults: summed(faults), figures };
}

/** The descriptors that are in use while clients come and go: the fewest in a while. */
async function restingDescriptors(server: ServerProcess): Promise<number> {
  let fewest = Infinity;
  for (let i = 0; i < 10; i++) {
    fewest = Math.min(fewest, server.descriptors);
    await pause(5);
  }
  return fewest;
}

/** Descriptors return exactly, and soon. */
async function returned(server: ServerProcess, descriptors: number, faults: string[]): Promise<void> {
  const fewer = await holds(() => server.ended !== undefined || server.descriptors <= descriptors, 10_000);
  if (!fewer) faults.push(`${server.descriptors} descriptors are open 10 s later, ${descriptors} were before`);
}

function judge(calm: Honest, during: Honest, bounds: Bounds): string[] {
  const faults: string[] = [];
  // That processors are busy, with the attack as well, is not the server's fault.
  if (during.ownP99 > Math.max(bounds.probeP99Ms, calm.ownP99 * 1.2)) {
    faults.push(`the prober waited ${during.ownP99.toFixed(1)} ms (p99, with a processor at hand)`);
  }
  if (during.newcomerMax > bounds.newcomerMs) faults.push(`a newcomer waited ${during.newcomerMax.toFixed(0)} ms`);
  return faults;
}

function grown(before: Memory, after: Memory, bounds: Bounds): string[] {
  const [used, rss] = [after.usedMiB - before.usedMiB, after.rssMiB - before.rssMiB];
  const faults: string[] = [];
  if (used > bounds.usedMiB) faults.push(`${used.toFixed(1)} MiB more are in use afterwards`);
  if (rss > bounds.rssMiB) faults.push(`${rss.toFixed(0)} MiB more are resident afterwards`);
  return faults;
}

/** Each fault once; of those of newcomers, which differ in their number, one with how many there are. */
function summed(faults: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const fault of faults) {
    const kind = fault.replace(/^newcomer-\d+/, 'a newcomer');
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].map(([kind, count]) => (count === 1 ? kind : `${kind} (${count} times)`));
}

const seconds = (began: number): string => ((performance.now() - began) / 1_000).toFixed(1);
const lastLines = (log: string): string => log.split('\n').slice(-8).join('\n').slice(0, 1_500);

function shown(calm: Honest, during: Honest): Record<string, string> {
  const both = ({ ownP99, p99 }: Honest): string => `${ownP99.toFixed(1)} (on the clock ${p99.toFixed(1)})`;
  return {
    'p99 ms': both(during),
    'calm p99 ms': both(calm),
    'max ms': during.max.toFixed(0),
    'newcomer ms': during.newcomerMax.toFixed(0),
  };
}
