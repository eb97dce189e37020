import { unknownKeys } from '../../util/unknown-keys.ts';
import { isOptional, readWord, type ArgSpec, type ArgSpecs } from './commands.ts';

/** What is wrong with the arguments that a command declares, each with the name of its argument. */
export function argProblems(specs: ArgSpecs): string[] {
  const entries = Object.entries(specs);
  return entries.flatMap(([name, spec], index) => {
    const problems = ARG_NAME.test(name) ? [] : ['a name is letters, digits, - and _, the first a letter'];
    if (!Object.keys(KEYS).includes(spec?.type)) {
      problems.push(`its type is none of ${Object.keys(KEYS).join(', ')}`);
    } else {
      problems.push(...partProblems(spec));
      const before = entries[index - 1]?.[1];
      if (before && isOptional(before) && !isOptional(spec))
        problems.push('it cannot be required behind an optional one');
      if ((spec.type === 'text' || spec.type === 'words') && index < entries.length - 1) {
        problems.push(`${spec.type} takes the rest of the line, so it must be the last argument`);
      }
    }
    return problems.map((problem) => `${name}: ${problem}`);
  });
}

/** A name that begins with a digit would not keep its place among the others. */
const ARG_NAME = /^\p{L}[\p{L}\p{N}_-]{0,31}$/u;

/** What an argument of each type has besides what all have. */
const KEYS: Readonly<Record<ArgSpec['type'], readonly string[]>> = {
  word: [],
  text: [],
  words: [],
  integer: ['min', 'max'],
  number: ['min', 'max'],
  boolean: [],
  choice: ['of'],
};

function partProblems(spec: ArgSpec): string[] {
  const problems = unknownKeys(spec, ['type', 'help', 'optional', ...KEYS[spec.type], 'default']);
  const { help, optional } = spec;
  if (help !== undefined && typeof help !== 'string') problems.push('its help is not a text');
  if (optional !== undefined && typeof optional !== 'boolean') problems.push('its optional is neither true nor false');
  if (spec.type === 'integer' || spec.type === 'number') {
    const { min = -Infinity, max = Infinity } = spec;
    if (!isNumber(min)) problems.push('its min is no number');
    else if (!isNumber(max)) problems.push('its max is no number');
    else if (min > max) problems.push(`nothing is ${min} or more and ${max} or less`);
  }
  if (spec.type === 'choice' && !isListOfWords(spec.of)) problems.push("a choice needs 'of', a list of words");
  const wrong = problems.length > 0 ? undefined : defaultProblem(spec);
  return wrong === undefined ? problems : [wrong];
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

function isNumber(value: unknown): boolean {
  return typeof value === 'number' && !Number.isNaN(value);
}

function isListOfWords(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((word) => typeof word === 'string' && word !== '');
}
