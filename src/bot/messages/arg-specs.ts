import { unknownKey } from '../../util/unknown-key.ts';
import { isOptional, readWord, type ArgSpec, type ArgSpecs } from './commands.ts';

/** What is wrong with the arguments that a command declares, if anything. */
export function argSpecsProblem(specs: ArgSpecs): string | undefined {
  const entries = Object.entries(specs);
  for (const [index, [name, spec]] of entries.entries()) {
    if (!ARG_NAME.test(name)) return `${name}: a name is letters, digits, - and _, the first a letter`;
    if (!Object.hasOwn(ARG_KEYS, spec?.type)) return `${name}: its type is none of ${Object.keys(ARG_KEYS).join(', ')}`;
    const unknown = unknownKey(spec, [...COMMON_KEYS, ...ARG_KEYS[spec.type]]);
    if (unknown !== undefined) return `${name}: ${unknown}`;
    if ((spec.type === 'text' || spec.type === 'words') && index < entries.length - 1) {
      return `${name}: ${spec.type} takes the rest of the line, so it must be the last argument`;
    }
    if (spec.type === 'choice' && !(Array.isArray(spec.of) && spec.of.length > 0))
      return `${name}: a choice needs 'of'`;
    const wrong = rangeProblem(spec) ?? defaultProblem(spec);
    if (wrong !== undefined) return `${name}: ${wrong}`;
    const before = entries[index - 1];
    if (before && isOptional(before[1]) && !isOptional(spec))
      return `${name}: it cannot be required behind an optional one`;
  }
  return undefined;
}

/** A name that begins with a digit would not keep its place among the others. */
const ARG_NAME = /^\p{L}[\p{L}\p{N}_-]{0,31}$/u;
/** What there is for each type. */
const ARG_KEYS = {
  word: ['default'],
  text: ['default'],
  words: ['default'],
  integer: ['min', 'max', 'default'],
  number: ['min', 'max', 'default'],
  boolean: ['default'],
  choice: ['of', 'default'],
} as const satisfies Record<ArgSpec['type'], readonly string[]>;
const COMMON_KEYS = ['type', 'help', 'optional'] as const satisfies readonly (keyof ArgSpec)[];

/** A range in which no number lies. */
function rangeProblem(spec: ArgSpec): string | undefined {
  const { min, max } = spec as { readonly min?: unknown; readonly max?: unknown };
  for (const [key, value] of Object.entries({ min, max })) {
    if (value !== undefined && typeof value !== 'number') return `its ${key} is no number`;
  }
  return Number(min) > Number(max) ? `its min, ${min as number}, is over its max, ${max as number}` : undefined;
}

/** A default is what a peer could have said. */
function defaultProblem(spec: ArgSpec): string | undefined {
  const given = 'default' in spec ? spec.default : undefined;
  if (given === undefined) return undefined;
  if (spec.type === 'words') return 'words have no default: leave it out and they are a list or undefined';
  const kind = { integer: 'number', number: 'number', boolean: 'boolean' }[spec.type as string] ?? 'string';
  if (typeof given !== kind) return `its default is no ${kind}`;
  const read = kind === 'string' && spec.type !== 'choice' ? undefined : readWord(spec, String(given));
  return read && 'problem' in read ? `its default must be ${read.problem}` : undefined;
}
