import { Console } from 'node:console';
import { writeSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { currentCall, currentCode } from '../../bot/running/current-call.ts';
import { EXIT } from './exit.ts';

let ours = false;

/** Ends the process: the one way that is ours. */
export function endProcess(status: number): never {
  ours = true;
  process.exit(status);
}

/**
 * Plugins share this process. What they print is no data, so it goes to standard error; and where one ends the process,
 * that is told, and is never the status of a command that went well.
 */
export function shareProcess(): void {
  globalThis.console = new Console(process.stderr);
  process.on('exit', (status) => {
    if (ours) return;
    const call = currentCall();
    const who = call ? `${call.runner.plugin.name} (${call.hook})` : loadedFile();
    const hint = 'isolate: worker keeps bots from that';
    process.exitCode = EXIT.failure;
    try {
      writeSync(2, `chatosbot: ${who} ended the process with process.exit(${status}); ${hint}\n`);
    } catch {
      // Nobody is there to be told.
    }
  });
}

function loadedFile(): string {
  const { file } = currentCode() ?? {};
  return file === undefined ? 'something that was loaded' : path.relative('', file);
}
