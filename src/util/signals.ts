import { constants } from 'node:os';
import process from 'node:process';

/** The signals that ask a program to stop: servers and bots finish what they do. */
export const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * The other signals that would end the process, its connections with FIN as if all had been said. Node.js ignores SIGPIPE
 * and SIGXFSZ, for which writes fail; it cannot catch SIGKILL, nor faults of the processor. Not each system has each.
 */
export const OTHER_SIGNALS: readonly NodeJS.Signals[] = [
  'SIGQUIT',
  'SIGABRT',
  'SIGALRM',
  'SIGVTALRM',
  'SIGPROF',
  'SIGUSR2',
  'SIGXCPU',
  'SIGPOLL',
  'SIGPWR',
  'SIGSTKFLT',
  'SIGSYS',
  'SIGTRAP',
];

/** Whether this system has the signal, and Node.js leaves it to programs. */
export function canBeCaught(signal: NodeJS.Signals): boolean {
  // V8's profiler has the use of SIGPROF for itself.
  const isProfiled = /--(?:cpu-)?prof\b/.test([...process.execArgv, process.env['NODE_OPTIONS']].join(' '));
  return constants.signals[signal] !== undefined && !(isProfiled && signal === 'SIGPROF');
}
