import { homedir, userInfo } from 'node:os';
import path from 'node:path';

/**
 * The user's folder. A HOME that is empty or relative does not count: a key would be made in the working directory. For a
 * user without an entry in /etc/passwd, as in some containers, it is the root, in which there is nothing of ours.
 */
export function homeDirectory(): string {
  try {
    const home = homedir();
    return path.isAbsolute(home) ? home : userInfo().homedir;
  } catch {
    return path.resolve('/');
  }
}
