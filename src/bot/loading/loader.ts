import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { ChatosError, isChatosError } from '../../errors.ts';
import { withResolvers } from '../../util/deferred.ts';
import { whileLoading, type LoadedCode } from './loaded-code.ts';
import { isSameFile, readLoadFailure } from './load-failure.ts';
import { withinLoadTime } from './load-timeout.ts';
import type { ModuleLoader } from './module-loader.ts';
import { readPlugin, type LoadedPlugin } from './read-plugin.ts';

/** A module that only tests can import. */
const TESTING_MISSING = /^Cannot find (?:module|package) 'chatosbot\/testing'/;

/**
 * Loads the current version of a plugin file.
 *
 * @param options `timeoutMs`: the limit of its top-level await, 30,000 by default
 * @throws {ChatosError} `INVALID_PLUGIN`: not found, does not compile, fails or does not finish while loading, also where
 *   nobody catches it, or exports no hooks; the message names file, line and column where they are known
 */
export async function loadPlugin(
  file: string,
  loader: ModuleLoader,
  { timeoutMs }: { readonly timeoutMs?: number } = {},
): Promise<LoadedPlugin> {
  const absolute = path.resolve(file);
  const invalid = (why: string, cause?: unknown, place = ''): ChatosError =>
    new ChatosError('INVALID_PLUGIN', `${file}${place}: ${why}`, { cause, fields: { file: absolute } });
  if (!existsSync(absolute)) throw invalid('no such file');
  const stats = statSync(absolute);
  if (stats.isDirectory()) throw invalid('is a directory; name the plugin file in it');
  // To read a pipe, or a device that has no end, would block for ever: no signal would end the process.
  if (!stats.isFile()) throw invalid('is not a file, but a pipe, a socket or a device');

  const code: LoadedCode = { file: absolute };
  const uncaught = withResolvers<never>();
  let isUncaught = false;
  code.onUncaught = (error) => {
    isUncaught = true;
    uncaught.reject(error);
  };
  const load = async (): Promise<Record<string, unknown>> => {
    const loaded = await loader.load(absolute);
    // A rejection that nobody awaits is reported one turn later.
    await turn();
    return loaded;
  };
  let exported: Record<string, unknown>;
  try {
    const loading = whileLoading(code, load);
    exported = await withinLoadTime(Promise.race([loading, uncaught.promise]), 'loading', timeoutMs);
  } catch (error) {
    if (isChatosError(error, 'TIMED_OUT')) {
      throw invalid(`${error.message}; a top-level await takes too long`, error);
    }
    const { file: broken, place, message } = readLoadFailure(error);
    const isOwn = broken === undefined || isSameFile(broken, absolute);
    const hint = TESTING_MISSING.test(message) ? '; this is a test: use chatosbot test' : '';
    throw invalid(
      `${isUncaught ? 'uncaught: ' : ''}${message}${hint}`,
      error,
      isOwn ? place : ` imports ${path.relative('', broken)}${place}`,
    );
  } finally {
    code.onUncaught = undefined;
  }
  const name = path.basename(absolute).replace(/\.[^.]+$/, '');
  return { ...readPlugin(exported, { name, file: absolute, shown: file }), code };
}
