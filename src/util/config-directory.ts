import path from 'node:path';
import process from 'node:process';
import { homeDirectory } from './home-directory.ts';

/** The folder for what the user keeps for all projects, as their system wants it. */
export function configDirectory(platform: NodeJS.Platform = process.platform): string {
  const { XDG_CONFIG_HOME = '', APPDATA = '' } = process.env;
  // A relative one is to be ignored (XDG Base Directory Specification).
  const configured = [XDG_CONFIG_HOME, platform === 'win32' ? APPDATA : ''].find((folder) => path.isAbsolute(folder));
  const usual = platform === 'darwin' ? path.join('Library', 'Application Support') : '.config';
  return path.join(configured ?? path.join(homeDirectory(), usual), 'chatosbot');
}
