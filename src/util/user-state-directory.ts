import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { homeDirectory } from './home-directory.ts';

/** The folder for what commands remember of what this user did: in XDG_STATE_HOME, else in ~/.local/state. */
export function userStateDirectory(): string {
  const { XDG_STATE_HOME = '' } = process.env;
  // A relative one is to be ignored (XDG Base Directory Specification).
  const base = path.isAbsolute(XDG_STATE_HOME) ? XDG_STATE_HOME : path.join(homeDirectory(), '.local', 'state');
  return path.join(base, 'chatosbot');
}

/** Makes a folder that only the user may enter, and those above it. */
export function makePrivateFolder(folder: string): void {
  if (existsSync(folder)) return;
  const parent = path.dirname(folder);
  if (parent !== folder) makePrivateFolder(parent);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Another process may have made it just now.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
