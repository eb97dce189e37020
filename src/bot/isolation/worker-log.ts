import { isChatosError } from '../../errors.ts';
import { toJsonLine } from '../../util/json-line.ts';
import { loggerTo, type LineLevel, type LogFields, type Logger } from '../../util/log.ts';
import type { MessagePortRpc } from './message-port-rpc.ts';
import type { MainCalls, WorkerCalls } from './worker-rpc.ts';

/** Text that may be on its way to the main thread: a loop that logs without end must not fill its memory. */
const MAX_WAITING_CHARS = 16 * 1024 * 1024;

/** A logger whose lines the main thread writes. Where too many are on their way, further ones are dropped and counted. */
export function createWorkerLogger(rpc: MessagePortRpc<WorkerCalls, MainCalls>): Logger {
  let waitingChars = 0;
  let dropped = 0;
  const send = async (level: LineLevel, message: string, fields: LogFields): Promise<void> => {
    if (waitingChars + message.length > MAX_WAITING_CHARS) {
      dropped += 1;
      return;
    }
    waitingChars += message.length;
    try {
      await rpc.call('log', { level, message, fields: plainFields(fields) });
    } catch (error) {
      // Else the thread ends, and the line is lost with it.
      if (isChatosError(error, 'QUEUE_FULL')) dropped += 1;
      return;
    } finally {
      waitingChars -= message.length;
    }
    if (dropped === 0) return;
    const text = `${dropped} lines were left out: too many at once`;
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
