import { Console } from 'node:console';
import { writeSync } from 'node:fs';
import { constants } from 'node:os';
import process from 'node:process';
import { isatty } from 'node:tty';
import { EXIT } from './exit.ts';
import { leaveTerminalAsItIs } from './foreground.ts';

let ours = false;
let runningCode = (): string | undefined => undefined;

/** Ends the process. Any other way to end it is a plugin's. */
export function endProcess(code: number): never {
  ours = true;
  leaveTerminalAsItIs();
  if (looksUpName()) endBySignal(code - 128);
  process.exit(code);
}

/** At its exit, Node.js waits for a thread that asks a name server, which may not answer for a minute. */
function looksUpName(): boolean {
  return process.getActiveResourcesInfo().includes('GetAddrInfoReqWrap');
}

/** Ends the process as the signal would have; a shell sees the same exit code. Returns where it is no signal. */
function endBySignal(number: number): void {
  const [signal] = Object.entries(constants.signals).find(([, each]) => each === number) ?? [];
  if (signal === undefined) return;
  process.emit('exit', 128 + number);
  if (isatty(0) && process.stdin.isRaw) process.stdin.setRawMode(false);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

/** For commands that load plugins: `name` says whose code is running, where that is known. */
export function nameLoadedCode(name: () => string | undefined): void {
  runningCode = name;
}

/**
 * Plugins, and configurations that are code, share this process. What they print is not data, so it goes to standard
 * error. If one ends the process, that is reported, and the exit code is never that of success.
 */
export function shareProcess(): void {
  globalThis.console = new Console(process.stderr);
  process.on('exit', (code) => {
    if (ours) return;
    const hint = 'isolate: worker prevents this';
    process.exitCode = EXIT.failure;
    try {
      writeSync(
        2,
        `chatosbot: ${runningCode() ?? 'a loaded file'} ended the process with process.exit(${code}); ${hint}\n`,
      );
    } catch {
      // Standard error is closed.
    }
  });
}
