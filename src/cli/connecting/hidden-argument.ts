import process from 'node:process';

/**
 * Keeps an argument out of the list of processes, which every user of the machine can read. It was there while the command
 * started; where the system cannot change it, it stays.
 */
export function hideArgument(secret: string): void {
  if (secret === '') return;
  const words = [...process.execArgv, ...process.argv.slice(1)];
  const shown = words.map((word) => (word.endsWith(secret) ? `${word.slice(0, -secret.length)}…` : word));
  process.title = [process.argv0, ...shown].join(' ');
}
