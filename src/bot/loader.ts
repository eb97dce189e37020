import { existsSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { ChatosError, messageOf } from '../errors.ts';
import { readPlugin, type LoadedPlugin } from './plugin-shape.ts';

/** Loads TypeScript and JavaScript files. */
export interface ModuleLoader {
  /** The exports of the file. */
  load(file: string): Promise<Record<string, unknown>>;
}

/**
 * A loader for which `import … from 'chatosbot'` means `modules`, wherever the file lies and without an install beside
 * it. Compiled files are kept in the user's own cache folder, never in a shared one.
 */
export async function createModuleLoader(modules: Record<string, unknown>): Promise<ModuleLoader> {
  const { createJiti } = await import('jiti');
  process.setSourceMapsEnabled(true);
  const configured = process.env['XDG_CACHE_HOME'] ?? '';
  const cache = path.isAbsolute(configured) ? configured : path.join(homedir(), '.cache');
  const jiti = createJiti(import.meta.url, {
    virtualModules: modules,
    // Each plugin that is loaded is its own: two entries of one file share nothing.
    moduleCache: false,
    sourceMaps: true,
    fsCache: path.join(cache, 'chatosbot'),
  });
  return { load: (file) => jiti.import(file) };
}

/**
 * Loads a plugin file.
 *
 * @throws {ChatosError} `INVALID_PLUGIN`: not found, does not compile, fails while loading, or exports no hooks
 */
export async function loadPlugin(file: string, loader: ModuleLoader): Promise<LoadedPlugin> {
  const absolute = path.resolve(file);
  const invalid = (why: string, cause?: unknown): ChatosError =>
    new ChatosError('INVALID_PLUGIN', `${file}: ${why}`, { cause, fields: { file: absolute } });
  if (!existsSync(absolute)) throw invalid('no such file');
  if (statSync(absolute).isDirectory()) throw invalid('is a directory; name the plugin file in it');

  let exported: Record<string, unknown>;
  try {
    exported = await loader.load(absolute);
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
