import { agesOf } from './load/ages.ts';
import type { HandshakeLoad } from './load/handshake-load.ts';
import { startLoad } from './load/load-process.ts';
import type { PacedLoad } from './load/paced-load.ts';
import { compare, cpuSeconds, type Contender, type Figures } from './measure.ts';
import { CHATOS } from './servers/dialects.ts';
import { startChatos, withProcesses, type Keep } from './servers/processes.ts';

const PER_SECOND = 50;
const WARM_UP_MS = 1_000;
const PACED_MS = 10_000;

/** An honest client over TLS, beside another address that makes handshakes as fast as it can: how old its messages are. */
export async function benchTlsFlood(rounds: number): Promise<void> {
  const contenders: Contender[] = [
    { name: 'nothing beside', run: () => withProcesses((keep) => measure(keep, false, {})) },
    { name: 'a flood, the limits as they are', run: () => withProcesses((keep) => measure(keep, true, {})) },
    {
      name: 'a flood, an exempt address',
      run: () => withProcesses((keep) => measure(keep, true, { exempt: ['127.0.0.7'] })),
    },
  ];
  await compare(`tls-flood: a client says ${PER_SECOND} messages a second, and hears them`, contenders, rounds);
}

async function measure(keep: Keep, isFlooded: boolean, limits: object): Promise<Figures> {
  const server = await keep(startChatos(limits));
  const honest = await keep(startLoad<PacedLoad>('paced-load.ts'));
  const which = { dialect: CHATOS.name, port: server.tlsPort, number: 0, clients: 1, secured: true };
  await honest.call('connect', which);
  const flooder = await keep(startLoad<HandshakeLoad>('handshake-load.ts'));
  await honest.call('pace', PER_SECOND, WARM_UP_MS);
  const cpuBefore = cpuSeconds(server.pid);
  const flood = isFlooded ? flooder.call('flood', server.tlsPort, PACED_MS) : undefined;
  const ages = await honest.call('pace', PER_SECOND, PACED_MS);
  const { done, refused } = (await flood) ?? { done: 0, refused: 0 };
  return {
    ...agesOf([ages]),
    'handshakes/s': done,
    'refused/s': refused,
    'cores of the server': (cpuSeconds(server.pid) - cpuBefore) / (PACED_MS / 1000),
  };
}
