import { existsSync, statSync } from 'node:fs';
import { ChatosError } from '../errors.ts';
import { foldersFrom, isNamedPipe, mayHaveConfig, namedPipeIn } from './discovery.ts';
import type { LoadedConfig } from './read.ts';

/** Where a configuration is looked for. */
export interface LoadOptions {
  /** The file. @default the nearest one from `from` upwards */
  readonly file?: string | undefined;
  /** @default the working directory */
  readonly from?: string;
  /** Return the valid parts of an invalid configuration, and its problem. @default false */
  readonly salvage?: boolean;
}

/**
 * Finds and checks the configuration: `file` if it is given, else the nearest one from `from` upwards. Without a
 * configuration, the libraries that read it are not loaded.
 *
 * @throws {ChatosError} `INVALID_CONFIG`: the message has a line for each problem, with file, line and column
 */
export async function loadConfig(options: LoadOptions = {}): Promise<LoadedConfig> {
  const { file, from = process.cwd(), salvage = false } = options;
  if (file !== undefined) {
    // A link in a circle leads to none, too.
    const found = existsSync(file) ? statSync(file) : undefined;
    const why = found ? 'is a directory; name the file in it' : 'no such file';
    if (!found || found.isDirectory()) throw new ChatosError('INVALID_CONFIG', `${file}: ${why}`, { fields: { file } });
    // What a shell puts in place of a file (`<(…)`) has a writer. Until there is one, a process cannot even be ended.
    if (isNamedPipe(file) && !/^\/(dev|proc)\//.test(file)) throw pipeError(file);
  }
  const folders = file === undefined ? foldersFrom(from).filter(mayHaveConfig) : [];
  for (const folder of folders) {
    const pipe = namedPipeIn(folder);
    if (pipe !== undefined) throw pipeError(pipe);
  }
  const none: LoadedConfig = { file: undefined, directory: from, config: {}, locate: () => undefined };
  if (file === undefined && folders.length === 0) return none;
  const { readConfig } = await import('./read.ts');
  return (await readConfig({ file, folders, salvage })) ?? none;
}

function pipeError(file: string): ChatosError {
  return new ChatosError('INVALID_CONFIG', `${file}: is a named pipe; name a file`, { fields: { file } });
}
