import process from 'node:process';
import { EXIT, ExitSignal } from './exit.ts';
import { endProcess } from './shared-process.ts';

/** The signals that ask a program to stop, each with its exit code. */
export const STOP_EXIT_CODES = {
  SIGINT: EXIT.interrupted,
  SIGTERM: EXIT.terminated,
  SIGHUP: 129,
} as const;

export type StopSignal = keyof typeof STOP_EXIT_CODES;

/** A signal to stop, of the operating system. */
export interface StopRequest {
  /** Resolves to the first signal. */
  readonly received: Promise<StopSignal>;
  /** Aborted then. */
  readonly signal: AbortSignal;
}

/**
 * For commands that run until a signal stops them, which no longer ends the process. A second signal calls `atOnce`, and
 * ends the process with that signal's exit code.
 */
export function stopRequest(atOnce?: () => void): StopRequest {
  const stop = new AbortController();
  const received = new Promise<StopSignal>((resolve) => {
    for (const signal of Object.keys(STOP_EXIT_CODES) as StopSignal[]) {
      process.on(signal, () => {
        if (stop.signal.aborted) {
          atOnce?.();
          endProcess(STOP_EXIT_CODES[signal]);
        }
        stop.abort();
        resolve(signal);
      });
    }
  });
  return { received, signal: stop.signal };
}

/** For commands that a signal interrupts: they get an AbortSignal, and exit with the code of the signal. */
export async function interruptibly(run: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const { received, signal } = stopRequest();
  try {
    await run(signal);
  } catch (error) {
    throw signal.aborted ? new ExitSignal(STOP_EXIT_CODES[await received]) : error;
  }
}
