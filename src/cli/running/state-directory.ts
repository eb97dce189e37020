import path from 'node:path';
import type { LoadedConfig } from '../../config/load.ts';

/** The directory of what bots keep: `--state`, else the configuration's `state`, else `.chatosbot` beside that file. */
export function stateDirectory(flag: string | undefined, { config, directory }: LoadedConfig): string {
  return flag === undefined ? path.resolve(directory, config.state ?? '.chatosbot') : path.resolve(flag);
}
