import { ChatosError, isChatosError } from '../../errors.ts';
import type { PlainOptions } from '../plugin/context.ts';
import type { ScheduledTask } from '../plugin/plugin.ts';
import { readLoadFailure } from './load-failure.ts';
import type { LoadedPlugin } from './read-plugin.ts';

/**
 * What a plugin does at fixed times with these options.
 *
 * @param file what errors begin with
 * @throws {ChatosError} `INVALID_PLUGIN` if a time is wrong, or the plugin fails to say
 */
export async function readSchedule(
  plugin: LoadedPlugin,
  file: string,
  options: PlainOptions,
): Promise<ReadonlyMap<string, ScheduledTask>> {
  try {
    return await plugin.schedule(options);
  } catch (error) {
    if (isChatosError(error)) throw error;
    const { place, message } = readLoadFailure(error);
    throw new ChatosError('INVALID_PLUGIN', `${file}${place}: schedule: ${message}`, { cause: error });
  }
}
