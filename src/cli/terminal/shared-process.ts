import { Console } from 'node:console';
import { writeSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { currentCode } from '../../bot/loading/loaded-code.ts';
import { currentCall, reportUncaught } from '../../bot/running/current-call.ts';
import type { Logger } from '../../util/log.ts';
import { EXIT } from './exit.ts';

let ours = false;

/** Ends the process. Any other way to end it is a plugin's. */
export function endProcess(code: number): never {
  ours = true;
  process.exit(code);
}

/**
 * Plugins share this process. What they print is not data, so it goes to standard error. If one ends the process, that is
 * reported, and the exit code is never that of success.
 */
export function shareProcess(): void {
  globalThis.console = new Console(process.stderr);
  process.on('exit', (code) => {
    if (ours) return;
    const call = currentCall();
    const who = call ? `${call.runner.plugin.name} (${call.hook})` : loadedFile();
    const hint = 'isolate: worker prevents this';
    process.exitCode = EXIT.failure;
    try {
      writeSync(2, `chatosbot: ${who} ended the process with process.exit(${code}); ${hint}\n`);
    } catch {
      // Standard error is closed.
    }
  });
}

function loadedFile(): string {
  const { file } = currentCode() ?? {};
  return file === undefined ? 'a loaded file' : path.relative('', file);
}

/**
 * Logs what plugins throw outside their hooks (a promise that nobody awaits, a timer's callback), with the hook that it
 * came from; the other plugins go on. For commands that load plugins in this process.
 */
export function surviveUncaughtErrors(log: Logger): void {
  const onError = (error: unknown): void => reportUncaught(error, log);
  process.on('uncaughtException', onError).on('unhandledRejection', onError);
}
