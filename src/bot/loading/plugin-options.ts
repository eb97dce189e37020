import type { StandardSchemaV1 } from '@standard-schema/spec';
import { ChatosError, isChatosError, messageOf } from '../../errors.ts';
import type { PlainOptions } from '../plugin/context.ts';
import type { ScheduledTask } from '../plugin/plugin.ts';
import { readLoadFailure } from './load-failure.ts';
import { withinLoadTime } from './load-timeout.ts';
import type { LoadedPlugin } from './read-plugin.ts';

/** What is wrong with an option, and which one it is. */
export interface OptionProblem {
  /** The keys and indexes of the option. */
  readonly path: readonly (string | number)[];
  /** The schema's message. */
  readonly message: string;
}

/**
 * Checks a plugin's options with the schema that it declares; without a schema, all options are valid. Resolves to the
 * schema's output, with defaults, or to all problems.
 */
export async function checkOptions(
  { optionsSchema }: Pick<LoadedPlugin, 'optionsSchema'>,
  options: PlainOptions,
): Promise<{ readonly options: PlainOptions } | { readonly problems: readonly OptionProblem[] }> {
  if (!optionsSchema) return { options };
  try {
    const checking = Promise.resolve(optionsSchema['~standard'].validate(options));
    const result = await withinLoadTime(checking, 'checking');
    if (!result.issues) return { options: result.value as PlainOptions };
    const problems = result.issues.map(({ message, path = [] }) => ({ path: Array.from(path, keyOf), message }));
    return { problems: problems.length > 0 ? problems : [{ path: [], message: 'the schema rejects them' }] };
  } catch (error) {
    const path = error instanceof RangeError ? pathToCycle(options) : undefined;
    if (path) return { problems: [{ path, message: CYCLE }] };
    return { problems: [{ path: [], message: `the schema failed: ${messageOf(error)}` }] };
  }
}

const CYCLE = 'it leads back to a value that it is part of, which the schema cannot check: write the value out';

/** Where a value leads back to one that it is part of. */
function pathToCycle(options: PlainOptions): readonly (string | number)[] | undefined {
  const seen = new Set<unknown>();
  const above = new Set<unknown>();
  const search = (value: unknown): (string | number)[] | undefined => {
    if (typeof value !== 'object' || value === null) return undefined;
    if (above.has(value)) return [];
    if (seen.has(value)) return undefined;
    seen.add(value);
    above.add(value);
    for (const [key, each] of Object.entries(value)) {
      const found = search(each);
      if (found) return [Array.isArray(value) ? Number(key) : key, ...found];
    }
    above.delete(value);
    return undefined;
  };
  return search(options);
}

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

function keyOf(segment: PropertyKey | StandardSchemaV1.PathSegment): string | number {
  const key = typeof segment === 'object' ? segment.key : segment;
  return typeof key === 'number' ? key : String(key);
}
