import { constants } from 'node:os';
import process from 'node:process';
import { withResolvers } from '../../util/deferred.ts';
import { canBeCaught, OTHER_SIGNALS, STOP_SIGNALS } from '../../util/signals.ts';
import { ExitSignal } from './exit.ts';
import { isUnderNohup } from './nohup.ts';
import { terminalWatch } from './controlling-terminal.ts';
import { endProcess } from './shared-process.ts';

/** A wish to stop: a signal of the operating system, or an operator's. */
export interface StopRequest {
  /** Resolves to what asked first: the name of a signal, or what {@link StopRequest.ask} was given. */
  readonly received: Promise<string>;
  /** Aborted then. */
  readonly signal: AbortSignal;
  /** Resolves to the first signal of the system. */
  readonly signalled: Promise<NodeJS.Signals>;
  /** Asks as a signal does; then the second signal ends the process, too. */
  ask(why: string): void;
}

/** The exit code of a process that a signal ends. */
function exitCodeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

function listen(
  signals: readonly NodeJS.Signals[],
  onSignal: (signal: NodeJS.Signals) => void,
  takesHangUp = false,
): void {
  const underNohup = isUnderNohup();
  for (const signal of signals.filter(canBeCaught)) {
    const isIgnored = signal === 'SIGHUP' && underNohup && !takesHangUp;
    process.on(signal, isIgnored ? () => undefined : () => onSignal(signal));
  }
}

/**
 * For commands that run until a signal asks them to stop, which no longer ends the process. A second one, or any other
 * signal, calls `atOnce`, and ends the process with that signal's exit code. SIGHUP is such a signal where the terminal has
 * closed that the process had; otherwise somebody asks for a reload.
 */
export function stopRequest(atOnce: () => void, onReload: () => void = () => undefined): StopRequest {
  const hasClosed = terminalWatch();
  const stop = new AbortController();
  const end = (signal: NodeJS.Signals): never => {
    atOnce();
    endProcess(exitCodeOf(signal));
  };
  const { promise: received, resolve } = withResolvers<string>();
  const { promise: signalled, resolve: onSignal } = withResolvers<NodeJS.Signals>();
  let isSignalled = false;
  const ask = (why: string): void => {
    stop.abort();
    resolve(why);
  };
  listen(
    STOP_SIGNALS,
    (signal) => {
      if (signal === 'SIGHUP' && !hasClosed()) {
        onReload();
        return;
      }
      if (isSignalled) end(signal);
      isSignalled = true;
      onSignal(signal);
      ask(signal);
    },
    true,
  );
  listen(OTHER_SIGNALS, end);
  return { received, signalled, signal: stop.signal, ask };
}

/**
 * For commands that a signal interrupts: they get an AbortSignal, and exit with the code of the signal. A second one, or
 * one after the command, ends the process at once.
 */
export async function interruptibly(run: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  let ended = new ExitSignal(0);
  let isOver = false;
  listen([...STOP_SIGNALS, ...OTHER_SIGNALS], (signal) => {
    if (stop.signal.aborted || isOver) endProcess(exitCodeOf(signal));
    ended = new ExitSignal(exitCodeOf(signal), `ended by ${signal}`);
    stop.abort();
  });
  try {
    await run(stop.signal);
  } catch (error) {
    throw stop.signal.aborted ? ended : error;
  } finally {
    isOver = true;
  }
}
