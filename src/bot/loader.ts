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
    const { place, message } = whatBroke(error, absolute);
    throw new ChatosError('INVALID_PLUGIN', `${file}${place}: ${message}`, {
      cause: error,
      fields: { file: absolute },
    });
  }
  return readPlugin(exported, {
    name: path.basename(absolute).replace(/\.[^.]+$/, ''),
    file: absolute,
    shown: file,
  });
}

/** What went wrong while loading, in one line, and where: as `:3:14` in the file itself, with its name in one it imports. */
function whatBroke(error: unknown, file: string): { place: string; message: string } {
  const [first = '', ...more] = messageOf(error)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  // A compiler names the place in its message; for what is thrown, the stack does.
  const places = [...more, first, ...(error instanceof SyntaxError ? [] : stackOf(error))];
  for (const text of places) {
    const [, at, line, column] = /((?:\/|[A-Z]:\\|file:)[^():]*):(\d+):(\d+)/.exec(text) ?? [];
    if (at === undefined || at.includes('node_modules') || at.startsWith('node:')) continue;
    const place = at.endsWith(file) ? `:${line}:${column}` : ` imports ${path.relative('', at)}:${line}:${column}`;
    return { place, message: first.replace(/^ParseError: /, '') };
  }
  return { place: '', message: first.replace(/^ParseError: /, '') };
}

/** The frames of the plugin and of what it imports: all that come before the project's own. */
function stackOf(error: unknown): string[] {
  const frames = (error instanceof Error && error.stack?.split('\n').slice(1)) || [];
  const end = frames.findIndex((frame) => frame.includes('/jiti') || frame.includes('module-loader'));
  return end < 0 ? frames : frames.slice(0, end);
}
