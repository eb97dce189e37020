import type { StandardSchemaV1 } from '@standard-schema/spec';
import { messageOf } from '../../errors.ts';
import { withinLoadTime } from './load-timeout.ts';
import type { LoadedPlugin } from './read-plugin.ts';

/** What is wrong with an option, and where in the options it stands. */
export interface OptionProblem {
  /** The keys and indexes that lead to it. */
  readonly path: readonly (string | number)[];
  /** What is wrong, in the words of the schema. */
  readonly message: string;
}

/**
 * Checks a plugin's options by the schema that it declares; without one, any are right. Resolves to what the schema makes
 * of them, defaults filled in, or to all that is wrong.
 */
export async function checkOptions(
  { optionsSchema }: Pick<LoadedPlugin, 'optionsSchema'>,
  options: Readonly<Record<string, unknown>>,
): Promise<{ readonly options: Readonly<Record<string, unknown>> } | { readonly problems: readonly OptionProblem[] }> {
  if (!optionsSchema) return { options };
  try {
    const checking = Promise.resolve(optionsSchema['~standard'].validate(options));
    const result = await withinLoadTime(checking, 'checking');
    if (!result.issues) return { options: result.value as Readonly<Record<string, unknown>> };
    const problems = result.issues.map(({ message, path = [] }) => ({ path: Array.from(path, keyOf), message }));
    return { problems: problems.length > 0 ? problems : [{ path: [], message: 'its schema refuses them' }] };
  } catch (error) {
    return { problems: [{ path: [], message: `its schema failed: ${messageOf(error)}` }] };
  }
}

function keyOf(segment: PropertyKey | StandardSchemaV1.PathSegment): string | number {
  const key = typeof segment === 'object' ? segment.key : segment;
  return typeof key === 'number' ? key : String(key);
}
