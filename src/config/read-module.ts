import { readLoadFailure } from '../bot/loading/load-failure.ts';
import { withinLoadTime } from '../bot/loading/load-timeout.ts';
import { createModuleLoader } from '../bot/loading/module-loader.ts';
import { ChatosError } from '../errors.ts';
import { PLUGIN_MODULES } from '../plugin-modules.ts';

/**
 * The value of a configuration that is code: its default export, or what that returns where it is a function.
 *
 * @throws {ChatosError} `INVALID_CONFIG` with file, line and column
 */
export async function readConfigModule(file: string, shown: (file: string) => string): Promise<unknown> {
  try {
    return await withinLoadTime(valueOf(file), 'loading');
  } catch (error) {
    const { file: broken = file, place, message } = readLoadFailure(error);
    throw new ChatosError('INVALID_CONFIG', `${shown(broken)}${place}: ${message}`, { cause: error });
  }
}

async function valueOf(file: string): Promise<unknown> {
  const loaded = await createModuleLoader(PLUGIN_MODULES).load(file);
  const value = loaded['default'] ?? loaded;
  if (typeof value !== 'function') return value;
  const made: unknown = await value({ env: process.env });
  if (made === undefined) throw new Error('the function that it exports returned nothing: return the configuration');
  return made;
}
