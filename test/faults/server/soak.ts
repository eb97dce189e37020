// npm run soak [-- --long] [-- --seconds N] [-- --seed N] [-- --only TEXT ...]: the fault suite, long; a table, and 1
// where something fails.
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { Scale } from './attack.ts';
import { HonestClients } from './honest-clients.ts';
import { runScenario, type Bounds, type Outcome } from './scenario.ts';
import { SCENARIOS } from './scenarios/index.ts';

const { values } = parseArgs({
  options: {
    long: { type: 'boolean', default: false },
    /** How long a flood lasts; with --long, 60. */
    seconds: { type: 'string' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    only: { type: 'string', multiple: true, default: [] },
  },
});

const scale: Scale = {
  times: 10,
  floodMs: Number(values.seconds ?? (values.long ? 60 : 10)) * 1_000,
  seed: Number(values.seed),
  mutatedFrames: values.long ? 10_000_000 : 1_000_000,
  sessions: values.long ? 20_000 : 5_000,
};
const bounds: Bounds = {
  probeP99Ms: 10,
  newcomerMs: 1_000,
  turnMs: 50,
  rssMiB: 32,
  usedMiB: 2,
  undisturbedMs: 3_000,
  rounds: 3,
};

const honest = new HonestClients();
process.stdout.write(`seed ${scale.seed}\n`);
const failed: Outcome[] = [];
for (const scenario of SCENARIOS) {
  if (values.only.length > 0 && !values.only.some((text) => scenario.name.includes(text))) continue;
  const outcome = await runScenario(scenario, scale, bounds, honest);
  if (outcome.faults.length > 0) failed.push(outcome);
  const figures = Object.entries(outcome.figures).map(([name, value]) => `    ${name.padEnd(16)}${value}\n`);
  const faults = outcome.faults.map((fault) => `  ! ${fault}\n`);
  process.stdout.write(`${outcome.faults.length > 0 ? 'FAULT' : 'held '} ${outcome.name}\n`);
  process.stdout.write([...figures, ...faults].join(''));
}
honest.end();
process.stdout.write(failed.length > 0 ? `${failed.length} scenarios failed\n` : 'everything held\n');
process.exitCode = failed.length > 0 ? 1 : 0;
