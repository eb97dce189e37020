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

/** Calls back on each signal to stop, instead of ending the process; returns a function that undoes this. */
export function onStopSignal(callback: (signal: StopSignal) => void): () => void {
  const signals = Object.keys(STOP_EXIT_CODES) as StopSignal[];
  for (const signal of signals) process.on(signal, callback);
  return () => {
    for (const signal of signals) process.off(signal, callback);
  };
}

/**
 * For commands that a signal interrupts: the first signal aborts the AbortSignal, and the command exits with that signal's
 * code. A second signal ends the process at once.
 */
export async function interruptibly(run: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const abort = new AbortController();
  let code: number | undefined;
  const stop = onStopSignal((signal) => {
    if (code !== undefined) endProcess(code);
    code = STOP_EXIT_CODES[signal];
    abort.abort();
  });
  try {
    await run(abort.signal);
  } catch (error) {
    throw code === undefined ? error : new ExitSignal(code);
  } finally {
    stop();
  }
}

/** A signal to stop, of the operating system. */
export interface StopRequest {
  /** Resolves to the first signal. */
  readonly received: Promise<StopSignal>;
  /** Aborted then. */
  readonly signal: AbortSignal;
}

/**
 * For commands that run until a signal stops them. A second signal calls `atOnce`, and ends the process with that
 * signal's exit code.
 */
export function stopRequest(atOnce: () => void): StopRequest {
  const stop = new AbortController();
  const received = new Promise<StopSignal>((resolve) => {
    onStopSignal((signal) => {
      if (stop.signal.aborted) {
        atOnce();
        endProcess(STOP_EXIT_CODES[signal]);
      }
      stop.abort();
      resolve(signal);
    });
  });
  return { received, signal: stop.signal };
}
