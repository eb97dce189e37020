/** The short form of `npm run soak`: each attack once, for a moment, with room for a busy machine. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Scale } from './server/attack.ts';
import { HonestClients } from './server/honest-clients.ts';
import { runScenario, type Bounds } from './server/scenario.ts';
import { SCENARIOS } from './server/scenarios/index.ts';

const scale: Scale = { times: 1, floodMs: 500, seed: 20_241, mutatedFrames: 8_000, sessions: 1_000 };
const bounds: Bounds = {
  probeP99Ms: 50,
  newcomerMs: 2_000,
  turnMs: 50,
  rssMiB: 96,
  usedMiB: 8,
  undisturbedMs: 100,
  rounds: 1,
};

describe('the server under attack', () => {
  let honest: HonestClients;
  beforeAll(() => {
    honest = new HonestClients();
  });
  afterAll(() => honest.end());

  const ready = SCENARIOS.filter(({ soakOnly, pending }) => !soakOnly && pending === undefined);
  const titled = ready.map((scenario) => [scenario.name, scenario] as const);
  // A machine may be busy at the wrong moment: a fault of the server is there again.
  test.each(titled)('%s', { retry: 1 }, async (_, scenario) => {
    const { faults, figures } = await runScenario(scenario, scale, bounds, honest);
    expect({ faults, figures }).toEqual({ faults: [], figures });
  });
});
