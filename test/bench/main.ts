// npm run bench [-- NAME ...] [-- --rounds N] [-- --plots FOLDER] [-- --sessions N]: see docs/benchmarks.md.
import { parseArgs } from 'node:util';
import { benchBots } from './bots.ts';
import { benchBounds } from './bounds.ts';
import { benchChannelMemory } from './channel-memory.ts';
import { benchChannels } from './channels.ts';
import { benchBroadcast } from './broadcast.ts';
import { benchClaims } from './claims.ts';
import { benchDecoder } from './decoder.ts';
import { benchFanout, benchLone } from './fanout.ts';
import { benchForward } from './forward.ts';
import { benchGrowth } from './growth.ts';
import { benchMixed } from './mixed.ts';
import { benchModel } from './model.ts';
import { benchNodes } from './nodes.ts';
import { benchPipeSecret } from './pipe-secret.ts';
import { benchPipe } from './pipe.ts';
import { benchPlugins } from './plugins.ts';
import { benchRelay, benchRelayTls } from './relay.ts';
import { benchScaling } from './scaling.ts';
import { benchSend } from './send.ts';
import { benchSessions, benchSessionsTls } from './sessions.ts';
import { benchStartup } from './startup.ts';
import { benchTlsFlood } from './tls-flood.ts';
import { benchWorkers } from './workers.ts';

type Benchmark = (rounds: number, plots: string | undefined, sessions: number) => Promise<void>;

const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  bots: benchBots,
  bounds: benchBounds,
  broadcast: benchBroadcast,
  channels: benchChannels,
  'channel-memory': benchChannelMemory,
  claims: benchClaims,
  decoder: benchDecoder,
  fanout: benchFanout,
  forward: benchForward,
  growth: benchGrowth,
  lone: benchLone,
  mixed: benchMixed,
  model: benchModel,
  nodes: benchNodes,
  pipe: benchPipe,
  'pipe-secret': benchPipeSecret,
  plugins: benchPlugins,
  relay: benchRelay,
  'relay-tls': benchRelayTls,
  scaling: benchScaling,
  send: benchSend,
  sessions: benchSessions,
  'sessions-tls': benchSessionsTls,
  startup: benchStartup,
  'tls-flood': benchTlsFlood,
  workers: benchWorkers,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    plots: { type: 'string' },
    sessions: { type: 'string', default: '1000000' },
  },
});
const names = positionals.length > 0 ? positionals : Object.keys(BENCHMARKS);
for (const name of names) {
  const benchmark = BENCHMARKS[name];
  if (!benchmark) throw new Error(`there is no benchmark '${name}'; there are ${Object.keys(BENCHMARKS).join(', ')}`);
  await benchmark(Number(values.rounds), values.plots, Number(values.sessions));
}
process.stdout.write(
  '\nA ratio is the figure of the first line divided by that of its own; higher rates and lower costs are better.\n',
);
