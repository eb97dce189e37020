import type { Scenario } from '../scenario.ts';
import { channelScenarios } from './channels.ts';
import { crowdScenarios } from './crowds.ts';
import { floodScenarios } from './floods.ts';
import { logScenarios } from './logs.ts';
import { packetScenarios } from './packets.ts';
import { sessionScenarios } from './sessions.ts';

/** Every attack that the server is tested against. */
export const SCENARIOS: readonly Scenario[] = [
  ...packetScenarios,
  ...channelScenarios,
  ...sessionScenarios,
  ...floodScenarios,
  ...crowdScenarios,
  ...logScenarios,
];
