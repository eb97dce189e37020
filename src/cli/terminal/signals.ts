import process from 'node:process';
import { EXIT, ExitSignal } from './exit.ts';
import { endProcess } from './shared-process.ts';

/** The signals that ask a program to stop, with the status that tells of each. */
export const STOP_STATUS = {
  SIGINT: EXIT.interrupted,
  SIGTERM: EXIT.terminated,
  SIGHUP: 129,
} as const;

export type StopSignal = keyof typeof STOP_STATUS;

/** Calls back on each signal to stop, in place of Node's ending the process; returns what takes it back. */
export function onStopSignal(callback: (signal: StopSignal) => void): () => void {
  const signals = Object.keys(STOP_STATUS) as StopSignal[];
  for (const signal of signals) process.on(signal, callback);
  return () => {
    for (const signal of signals) process.off(signal, callback);
  };
}

/**
 * For commands that a signal interrupts: runs one with an AbortSignal that the first signal aborts, and ends it with that
 * signal's status then. A second signal ends the process at once.
 */
export async function interruptibly(run: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const abort = new AbortController();
  let status: number | undefined;
  const stop = onStopSignal((signal) => {
    if (status !== undefined) endProcess(status);
    status = STOP_STATUS[signal];
    abort.abort();
  });
  try {
    await run(abort.signal);
  } catch (error) {
    throw status === undefined ? error : new ExitSignal(status);
  } finally {
    stop();
  }
}

/** That the process is asked to stop: by a signal to it. */
export interface StopRequest {
  /** Resolves to the first signal. */
  readonly received: Promise<StopSignal>;
  /** Aborted then. */
  readonly signal: AbortSignal;
}

/**
 * For commands that run until a signal stops them. A second signal calls `atOnce`, and ends the process with that
 * signal's own exit code.
 */
export function stopRequest(atOnce: () => void): StopRequest {
  const stop = new AbortController();
  const received = new Promise<StopSignal>((resolve) => {
    onStopSignal((signal) => {
      if (stop.signal.aborted) {
        atOnce();
        endProcess(STOP_STATUS[signal]);
      }
      stop.abort();
      resolve(signal);
    });
  });
  return { received, signal: stop.signal };
}
