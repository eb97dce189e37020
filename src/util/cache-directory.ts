import { homedir } from 'node:os';
import path from 'node:path';
import process from 'node:process';

/** The folder for cached files, in the user's own cache and never in a shared one. */
export function cacheDirectory(): string {
  const configured = process.env['XDG_CACHE_HOME'] ?? '';
  const base = path.isAbsolute(configured) ? configured : path.join(homedir(), '.cache');
  return path.join(base, 'chatosbot');
}
