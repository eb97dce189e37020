import { readLoadFailure } from '../bot/loading/load-failure.ts';
import { withinLoadTime } from '../bot/loading/load-timeout.ts';
import { createModuleLoader } from '../bot/loading/module-loader.ts';
import { isClass } from '../bot/loading/read-plugin.ts';
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
    throw moduleFailure(error, file, shown);
  }
}

/** `INVALID_CONFIG` for what the code of a configuration has thrown. */
export function moduleFailure(error: unknown, file: string, shown: (file: string) => string): ChatosError {
  const { file: broken = file, place, message } = readLoadFailure(error);
  return new ChatosError('INVALID_CONFIG', `${shown(broken)}${place}: ${message}`, { cause: error });
}

async function valueOf(file: string): Promise<unknown> {
  const loaded = await createModuleLoader(PLUGIN_MODULES).load(file);
  const exported = Object.hasOwn(loaded, 'default') ? loaded['default'] : loaded;
  if (isClass(exported)) {
    throw new Error('its default export is a class: export an object, or a function that returns one');
  }
  if (typeof exported !== 'function')
    return mappingOf(exported, 'its default export is nothing: export the configuration');
  const made: unknown = await exported({ env: process.env });
  return mappingOf(made, 'the function that it exports returned nothing: return the configuration');
}

/** What a configuration can be made of; the schema says what is wrong with a text, a number or a list. */
function mappingOf(value: unknown, none: string): unknown {
  if (value === undefined || value === null) throw new Error(none);
  const [, kind] =
    /^\[object (Map|Set|Date|RegExp|Generator|Promise)\]$/.exec(Object.prototype.toString.call(value)) ?? [];
  if (kind !== undefined) throw new Error(`what it exports is a ${kind}: export an object`);
  return value;
}
