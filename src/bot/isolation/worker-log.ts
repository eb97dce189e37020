import { isChatosError } from '../../errors.ts';
import { toJsonLine } from '../../util/json-line.ts';
import { loggerTo, type LineLevel, type LogFields, type Logger } from '../../util/log.ts';
import type { CallScope, MainCalls, WorkerCalls } from './contract.ts';
import type { PortCalls } from './port-calls.ts';

/** A logger whose lines the main thread writes. Where too many are on their way, further ones are left out and counted. */
export function createWorkerLogger(calls: PortCalls<WorkerCalls, MainCalls>, scope: () => CallScope): Logger {
  let leftOut = 0;
  const send = async (level: LineLevel, text: string, fields: LogFields): Promise<void> => {
    try {
      await calls.call('log', { scope: scope(), level, text, fields: plainFields(fields) });
      if (leftOut === 0) return;
      const message = `${leftOut} lines were left out: too many at once`;
      leftOut = 0;
      await send('warn', message, {});
    } catch (error) {
      if (isChatosError(error, 'QUEUE_FULL')) leftOut += 1;
    }
  };
  return loggerTo((level, message, fields) => void send(level, message, fields));
}

/** Fields that can cross: a text as it is, anything else as JSON would have it. */
function plainFields(fields: LogFields): LogFields {
  const plain: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value === null || (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol')) {
      plain[name] = value;
    } else {
      try {
        plain[name] = (JSON.parse(toJsonLine({ value })) as { value?: unknown }).value;
      } catch {
        plain[name] = 'cannot be written as JSON';
      }
    }
  }
  return plain;
}
