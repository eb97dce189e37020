import path from 'node:path';
import { homeDirectory } from './home-directory.ts';

/**
 * The folder for cached files, in the user's own cache and never in a shared one. To import `node:process` would open the standard streams,
 * which `ownStandardStreams` must replace before.
 */
export function cacheDirectory(): string {
  const configured = process.env['XDG_CACHE_HOME'] ?? '';
  const base = path.isAbsolute(configured) ? configured : path.join(homeDirectory(), '.cache');
  return path.join(base, 'chatosbot');
}
