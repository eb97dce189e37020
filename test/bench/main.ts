// npm run bench [-- NAME ...] [-- --rounds N] [-- --plots FOLDER] [-- --sessions N]: see docs/benchmarks.md.
import process from 'node:process';
import { readBenchArguments } from './arguments.ts';
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

const given = readBenchArguments(process.argv.slice(2), Object.keys(BENCHMARKS));
if ('usage' in given) {
  const { usage, problem } = given;
  (problem === undefined ? process.stdout : process.stderr).write(
    problem === undefined ? usage : `${problem}\n\n${usage}`,
  );
  process.exit(problem === undefined ? 0 : 2);
}
for (const name of given.names) await BENCHMARKS[name]!(given.rounds, given.plots, given.sessions);
process.stdout.write(
  '\nA ratio is the figure of the first line divided by that of its own; higher rates and lower costs are better.\n',
);
