import { closeSync, constants, openSync } from 'node:fs';
import { isUnderNohup } from './nohup.ts';

/** Whether this process has a terminal that can end it by closing. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', constants.O_RDONLY | constants.O_NOCTTY | constants.O_NONBLOCK));
    return true;
  } catch {
    return false;
  }
}

/**
 * Remembers the terminal. Returns what says later whether it has closed: the system takes it from its processes then, and
 * sends them SIGHUP. Who starts a program with `nohup` wants it to outlive its terminal.
 */
export function terminalWatch(): () => boolean {
  const had = hasTerminal() && !isUnderNohup();
  return () => had && !hasTerminal();
}
