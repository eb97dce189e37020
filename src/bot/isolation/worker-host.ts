import { isChatosError, type ChatosError } from '../../errors.ts';
import { createDeferred } from '../../util/deferred.ts';
import { toJsonLine } from '../../util/escape.ts';
import { loggerTo, type LineLevel, type LogFields, type Logger } from '../../util/log.ts';
import { inNumber } from '../../util/printable.ts';
import type { RuntimeHost } from '../runtime-options.ts';
import type { StoreBackend } from '../store/store-backend.ts';
import { PortSocket } from './port-socket.ts';
import type { WorkerRpc } from './worker-rpc.ts';

const NO_BYTES = Buffer.alloc(0);

/** What the runtime in a worker has the main thread do. */
export function createWorkerHost(rpc: WorkerRpc): Required<RuntimeHost> {
  let stores = 0;
  const releaser = (place: number) => (): void => rpc.notify('release', place);
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
    openHalf: async (server, connectId, { timeoutMs, signal, identity }) => {
      const waiting = createDeferred<PortSocket>({ timeoutMs: Infinity, signal, what: 'no connection' });
      const opening = rpc
        .call('openHalf', server, connectId, { timeoutMs, identity })
        .then((port) => new PortSocket(port));
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

function remoteBackend(rpc: WorkerRpc, store: number): StoreBackend {
  return {
    get: (key) => rpc.call('storeGet', store, key),
    page: (range) => rpc.call('storePage', store, range),
    count: (range) => rpc.call('storeCount', store, range),
    write: (write) => rpc.call('storeWrite', store, write),
    usage: () => rpc.call('storeUsage', store),
    close: () => rpc.call('storeClose', store),
  };
}

/** Text that may be on its way to the main thread: a loop that logs without end must not fill its memory. */
const MAX_WAITING_CHARS = 16 * 1024 * 1024;

/** A logger whose lines the main thread writes. Where too many are on their way, further ones are dropped and counted. */
export function createWorkerLogger(rpc: WorkerRpc): Logger {
  let waitingChars = 0;
  let dropped = 0;
  const send = async (level: LineLevel, message: string, fields: LogFields): Promise<void> => {
    if (waitingChars + message.length > MAX_WAITING_CHARS) {
      dropped += 1;
      return;
    }
    waitingChars += message.length;
    try {
      await rpc.call('log', level, message, plainFields(fields));
    } catch (error) {
      // Else the thread ends, and the line is lost with it.
      if (isChatosError(error, 'QUEUE_FULL')) dropped += 1;
      return;
    } finally {
      waitingChars -= message.length;
    }
    if (dropped === 0) return;
    const text = `${dropped} ${inNumber(dropped, 'line{s} {was|were}')} left out: too many at once`;
    dropped = 0;
    await send('warn', text, {});
  };
  return loggerTo((level, message, fields) => void send(level, message, fields));
}

/** Fields that can cross: as JSON would have them. */
function plainFields(fields: LogFields): LogFields {
  try {
    return JSON.parse(toJsonLine(fields)) as LogFields;
  } catch {
    return { fields: 'cannot be written as JSON' };
  }
}
