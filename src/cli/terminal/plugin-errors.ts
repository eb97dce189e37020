import path from 'node:path';
import process from 'node:process';
import { currentCode } from '../../bot/loading/loaded-code.ts';
import { currentCall, reportUncaught } from '../../bot/running/current-call.ts';
import type { Logger } from '../../util/log.ts';
import { nameLoadedCode } from './shared-process.ts';

nameLoadedCode(() => {
  const call = currentCall();
  if (call) return `${call.runner.plugin.name} (${call.hook})`;
  const { file } = currentCode() ?? {};
  return file === undefined ? undefined : path.relative('', file);
});

/**
 * Logs what plugins throw outside their hooks (a promise that nobody awaits, a timer's callback), with the hook that it
 * came from; the other plugins go on. For commands that load plugins in this process.
 */
export function surviveUncaughtErrors(log: Logger): void {
  const onError = (error: unknown): void => reportUncaught(error, log);
  process.on('uncaughtException', onError).on('unhandledRejection', onError);
}
