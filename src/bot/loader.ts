import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { ChatosError, messageOf } from '../errors.ts';
import type { ModuleLoader } from './module-loader.ts';
import { readPlugin, type LoadedPlugin } from './plugin-shape.ts';

/**
 * Loads a plugin file.
 *
 * @param options `fresh`: as its files are now, where they were loaded before
 * @throws {ChatosError} `INVALID_PLUGIN`: not found, does not compile, fails while loading, or exports no hooks
 */
export async function loadPlugin(
  file: string,
  loader: ModuleLoader,
  { fresh = false }: { readonly fresh?: boolean } = {},
): Promise<LoadedPlugin> {
  const absolute = path.resolve(file);
  const invalid = (why: string, cause?: unknown): ChatosError =>
    new ChatosError('INVALID_PLUGIN', `${file}: ${why}`, { cause, fields: { file: absolute } });
  if (!existsSync(absolute)) throw invalid('no such file');
  if (statSync(absolute).isDirectory()) throw invalid('is a directory; name the plugin file in it');

  let exported: Record<string, unknown>;
  try {
    exported = await (fresh ? loader.reload(absolute) : loader.load(absolute));
  } catch (error) {
    const trace = error instanceof Error && !(error instanceof SyntaxError) ? ownFrame(error, absolute) : '';
    throw invalid(`${messageOf(error)}${trace}`, error);
  }
  return readPlugin(exported, {
    name: path.basename(absolute).replace(/\.[^.]+$/, ''),
    file: absolute,
    shown: file,
  });
}

/** Where in the plugin the error was thrown, if the stack tells. */
function ownFrame(error: Error, file: string): string {
  const frame = error.stack?.split('\n').find((line) => line.includes(file));
  const at = frame && /:(\d+):(\d+)\)?$/.exec(frame.trim());
  return at ? ` (line ${at[1]}, column ${at[2]})` : '';
}
