import process from 'node:process';

/**
 * Keeps arguments out of the list of processes, which every user of the machine can read. They were there while the command
 * started; where the system cannot change it, they stay.
 */
export function hideArguments(secrets: readonly string[]): void {
  if (secrets.every((secret) => secret === '')) return;
  const words = [...process.execArgv, ...process.argv.slice(1)];
  const shown = words.map((word) => {
    const secret = secrets.find((each) => each !== '' && word.endsWith(each));
    return secret === undefined ? word : `${word.slice(0, -secret.length)}…`;
  });
  process.title = [process.argv0, ...shown].join(' ');
}
