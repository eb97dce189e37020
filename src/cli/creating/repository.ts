import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Makes a folder a repository of git, unless it is in one, or there is no git. Returns whether it did. */
export async function initRepository(directory: string): Promise<boolean> {
  const options = { cwd: directory };
  const isInside = await run('git', ['rev-parse', '--is-inside-work-tree'], options).then(
    () => true,
    () => false,
  );
  if (isInside) return false;
  return run('git', ['init', '--quiet'], options).then(
    () => true,
    () => false,
  );
}
