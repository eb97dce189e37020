import type { StandardSchemaV1 } from '@standard-schema/spec';
import { messageOf } from '../../errors.ts';
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
  options: Readonly<Record<string, unknown>>,
): Promise<{ readonly options: Readonly<Record<string, unknown>> } | { readonly problems: readonly OptionProblem[] }> {
  if (!optionsSchema) return { options };
  try {
    const checking = Promise.resolve(optionsSchema['~standard'].validate(options));
    const result = await withinLoadTime(checking, 'checking');
    if (!result.issues) return { options: result.value as Readonly<Record<string, unknown>> };
    const problems = result.issues.map(({ message, path = [] }) => ({ path: Array.from(path, keyOf), message }));
    return { problems: problems.length > 0 ? problems : [{ path: [], message: 'the schema rejects them' }] };
  } catch (error) {
    return { problems: [{ path: [], message: `the schema failed: ${messageOf(error)}` }] };
  }
}

function keyOf(segment: PropertyKey | StandardSchemaV1.PathSegment): string | number {
  const key = typeof segment === 'object' ? segment.key : segment;
  return typeof key === 'number' ? key : String(key);
}
