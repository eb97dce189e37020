// npm run bench [-- bots|channels|decoder|fanout|pipe|plugins|relay|sessions|startup ...] [-- --rounds N]
import { parseArgs } from 'node:util';
import { benchBots } from './bots.ts';
import { benchChannels } from './channels.ts';
import { benchDecoder } from './decoder.ts';
import { benchFanout } from './fanout.ts';
import { benchPipe } from './pipe.ts';
import { benchPlugins } from './plugins.ts';
import { benchRelay } from './relay.ts';
import { benchSessions } from './sessions.ts';
import { benchStartup } from './startup.ts';

const BENCHMARKS: Readonly<Record<string, (rounds: number) => Promise<void>>> = {
  bots: benchBots,
  channels: benchChannels,
  decoder: benchDecoder,
  fanout: benchFanout,
  pipe: benchPipe,
  plugins: benchPlugins,
  relay: benchRelay,
  sessions: benchSessions,
  startup: benchStartup,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '3' } },
});
const names = positionals.length > 0 ? positionals : Object.keys(BENCHMARKS);
for (const name of names) {
  const benchmark = BENCHMARKS[name];
  if (!benchmark) throw new Error(`there is no benchmark '${name}'; there are ${Object.keys(BENCHMARKS).join(', ')}`);
  await benchmark(Number(values.rounds));
}
process.stdout.write(
  '\nRatios compare the first line with each other one, within this sitting; higher rates and lower costs are better.\n',
);
