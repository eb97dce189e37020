import type { ChatosError } from '../../errors.ts';
import { createDeferred } from '../../util/deferred.ts';
import type { RuntimeHost } from '../runtime-host.ts';
import type { StoreBackend } from '../store/store-backend.ts';
import type { MessagePortRpc } from './message-port-rpc.ts';
import { PortSocket } from './port-socket.ts';
import type { MainCalls, WorkerCalls } from './worker-rpc.ts';

type Rpc = MessagePortRpc<WorkerCalls, MainCalls>;

const NO_BYTES = Buffer.alloc(0);

/** What the runtime in a worker has the main thread do. */
export function createWorkerHost(rpc: Rpc): Required<RuntimeHost> {
  let stores = 0;
  const releaser = (place: number) => (): void => rpc.notify('release', { place });
  return {
    ledger: {
      admit: async (admission) => {
        const { place, ...admitted } = await rpc.call('admit', admission);
        return { ...admitted, release: place === undefined ? undefined : releaser(place) };
      },
      adopt: async (parties) => {
        const { limits, place } = await rpc.call('adopt', parties);
        return { limits, release: releaser(place) };
      },
    },
    openHalf: async (server, connectId, { timeoutMs, signal }) => {
      const waiting = createDeferred<PortSocket>({ timeoutMs: Infinity, signal, what: 'no connection' });
      const opening = rpc.call('openHalf', { server, connectId, timeoutMs }).then(({ port }) => new PortSocket(port));
      opening.then(
        (socket) => waiting.resolve(socket),
        (error: unknown) => waiting.reject(error as ChatosError),
      );
      try {
        return { transport: await waiting.promise, rest: NO_BYTES };
      } catch (error) {
        void opening.then(
          (socket) => socket.destroy(),
          () => undefined,
        );
        throw error;
      }
    },
    openStore: () => remoteBackend(rpc, (stores += 1)),
  };
}

function remoteBackend(rpc: Rpc, store: number): StoreBackend {
  return {
    get: (key) => rpc.call('storeGet', { store, key }),
    page: (range) => rpc.call('storePage', { store, range }),
    write: (write) => rpc.call('storeWrite', { store, write }),
    usage: () => rpc.call('storeUsage', { store }),
    close: () => rpc.call('storeClose', { store }),
  };
}
