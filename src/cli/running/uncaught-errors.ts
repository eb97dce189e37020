import process from 'node:process';
import { reportUncaught } from '../../bot/running/current-call.ts';
import type { Logger } from '../../util/log.ts';

/**
 * What a plugin lets escape outside its hooks (a promise that nobody awaits, a timer's callback) is logged, with the hook
 * that it came from, and costs the others nothing. Returns what ends that.
 */
export function surviveUncaughtErrors(log: Logger): () => void {
  const onError = (error: unknown): void => reportUncaught(error, log);
  process.on('uncaughtException', onError).on('unhandledRejection', onError);
  return () => {
    process.off('uncaughtException', onError).off('unhandledRejection', onError);
  };
}
