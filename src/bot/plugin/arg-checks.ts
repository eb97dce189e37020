import { unknownKeys } from '../../util/closest.ts';
import { isOptional, readWord, type ArgSpec, type ArgSpecs } from './commands.ts';

/** The problems of the arguments that a command declares, each with the name of its argument. */
export function argProblems(specs: ArgSpecs): string[] {
  const entries = Object.entries(specs);
  return entries.flatMap(([name, spec], index) => {
    const problems = ARG_NAME.test(name)
      ? []
      : ['a name consists of at most 32 letters, digits, - and _, and begins with a letter'];
    if (!Object.keys(KEYS).includes(spec?.type)) {
      problems.push(`type must be one of ${Object.keys(KEYS).join(', ')}`);
    } else {
      problems.push(...partProblems(spec));
      const before = entries[index - 1]?.[1];
      if (before && isOptional(before) && !isOptional(spec))
        problems.push('it must be optional, like the argument before it');
      if ((spec.type === 'text' || spec.type === 'words') && index < entries.length - 1) {
        problems.push(`${spec.type} takes the rest of the line, so it must be the last argument`);
      }
    }
    return problems.map((problem) => `${name}: ${problem}`);
  });
}

/** JavaScript moves keys that are numbers to the front, so a name does not begin with a digit. */
const ARG_NAME = /^\p{L}[\p{L}\p{N}_-]{0,31}$/u;

/** The keys of an argument of each type besides the common ones. */
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
  if (help !== undefined && typeof help !== 'string') problems.push('help is not a text');
  if (optional !== undefined && typeof optional !== 'boolean') problems.push('optional must be true or false');
  if (spec.type === 'integer' || spec.type === 'number') {
    const { min = -Infinity, max = Infinity } = spec;
    if (!isNumber(min)) problems.push('min is not a number');
    else if (!isNumber(max)) problems.push('max is not a number');
    else if (min > max) problems.push(`min is ${min}, which is more than max, ${max}`);
  }
  if (spec.type === 'choice' && !isListOfWords(spec.of)) problems.push("a choice needs 'of', a list of words");
  const wrong = problems.length > 0 ? undefined : defaultProblem(spec);
  return wrong === undefined ? problems : [wrong];
}

/** A default must be a value that a peer can give. */
function defaultProblem(spec: ArgSpec): string | undefined {
  const given = 'default' in spec ? spec.default : undefined;
  if (given === undefined) return undefined;
  if (spec.type === 'words') return 'words have no default: without words, the value is undefined';
  const kind = { integer: 'number', number: 'number', boolean: 'boolean' }[spec.type as string] ?? 'string';
  if (typeof given !== kind) return `default is not a ${kind}`;
  const read = kind === 'string' && spec.type !== 'choice' ? undefined : readWord(spec, String(given));
  return read && 'problem' in read ? `default must be ${read.problem}` : undefined;
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number' && !Number.isNaN(value);
}

function isListOfWords(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((word) => typeof word === 'string' && word !== '');
}
