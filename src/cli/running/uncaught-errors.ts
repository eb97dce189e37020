import process from 'node:process';
import { reportUncaught } from '../../bot/running/current-call.ts';
import type { Logger } from '../../util/log.ts';

/**
 * Logs what plugins throw outside their hooks (a promise that nobody awaits, a timer's callback), with the hook that it
 * came from; the other plugins go on. Returns a function that undoes this.
 */
export function surviveUncaughtErrors(log: Logger): () => void {
  const onError = (error: unknown): void => reportUncaught(error, log);
  process.on('uncaughtException', onError).on('unhandledRejection', onError);
  return () => {
    process.off('uncaughtException', onError).off('unhandledRejection', onError);
  };
}
