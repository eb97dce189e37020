import { unknownKeys } from '../../util/closest.ts';
import { durationMs, type Duration } from '../../util/duration.ts';
import { Zone } from '../../util/zone.ts';
import { boundMs, meaningOf, readValue } from './arg-values.ts';
import { isFlag, isOptional } from './command-line.ts';
import type { ArgSpec, ArgSpecs } from './commands.ts';

/** The problems of the arguments that a command declares, each with the name of its argument. */
export function argProblems(specs: ArgSpecs): string[] {
  const all = Object.entries(specs);
  const entries = all.filter(([, spec]) => !isFlag(spec ?? {}));
  return all.flatMap(([name, spec], place) => {
    const index = entries.findIndex(([other]) => other === name);
    const problems = ARG_NAME.test(name)
      ? []
      : ['a name consists of at most 32 letters, digits, - and _, and begins with a letter'];
    problems.push(...clashes([name, spec], all.slice(0, place)));
    if (!Object.keys(KEYS).includes(spec?.type)) {
      problems.push(`type must be one of ${Object.keys(KEYS).join(', ')}`);
    } else {
      problems.push(...partProblems(spec));
      const before = entries[index - 1]?.[1];
      if (index >= 0 && before && isOptional(before) && !isOptional(spec))
        problems.push('it must be optional, like the argument before it');
      if ((spec.type === 'text' || spec.type === 'words') && index < entries.length - 1 && index >= 0) {
        problems.push(`${spec.type} takes the rest of the line, so it must be the last argument`);
      }
    }
    return problems.map((problem) => `${name}: ${problem}`);
  });
}

/** Which of the flags before it has the same name, or the same letter. */
function clashes(
  [name, spec]: readonly [string, ArgSpec],
  before: readonly (readonly [name: string, spec: ArgSpec])[],
): string[] {
  if (!isFlag(spec ?? {})) return [];
  const flags = before.filter(([, other]) => isFlag(other ?? {}));
  const alike = flags.find(([other]) => other.toLowerCase() === name.toLowerCase());
  const short = typeof spec.flag === 'string' ? flags.find(([, other]) => other.flag === spec.flag) : undefined;
  return [
    ...(alike ? [`'${alike[0]}' is the same flag: case is ignored`] : []),
    ...(short ? [`'${short[0]}' has the flag -${spec.flag}, too`] : []),
  ];
}

/** JavaScript moves keys that are numbers to the front, so a name does not begin with a digit. */
const ARG_NAME = /^\p{L}[\p{L}\p{N}_-]{0,31}$/u;

/** The keys of an argument of each type besides the common ones. */
const KEYS: Readonly<Record<ArgSpec['type'], readonly string[]>> = {
  word: ['schema'],
  text: ['schema'],
  words: ['schema'],
  integer: ['min', 'max'],
  number: ['min', 'max'],
  boolean: [],
  choice: ['of'],
  duration: ['min', 'max'],
  date: ['timeZone'],
  login: [],
};

function partProblems(spec: ArgSpec): string[] {
  const problems = unknownKeys(spec, ['type', 'help', 'optional', 'flag', ...KEYS[spec.type], 'default']);
  const { help, optional, flag } = spec;
  if (help !== undefined && typeof help !== 'string') problems.push('help is not a text');
  if (optional !== undefined && typeof optional !== 'boolean') problems.push('optional must be true or false');
  if (spec.type === 'integer' || spec.type === 'number') {
    const { min = -Infinity, max = Infinity } = spec;
    if (!isNumber(min)) problems.push('min is not a number');
    else if (!isNumber(max)) problems.push('max is not a number');
    else if (min > max) problems.push(`min is ${min}, which is more than max, ${max}`);
  }
  if (flag !== undefined && typeof flag !== 'boolean' && !(typeof flag === 'string' && /^\p{L}$/u.test(flag))) {
    problems.push('flag must be true, false or a letter');
  }
  if (isFlag(spec) && (spec.type === 'text' || spec.type === 'words')) problems.push(`${spec.type} cannot be a flag`);
  if (
    KEYS[spec.type].includes('schema') &&
    'schema' in spec &&
    spec.schema !== undefined &&
    typeof spec.schema['~standard']?.validate !== 'function'
  ) {
    problems.push('schema is not a Standard Schema, as made by zod, valibot or arktype');
  }
  if (spec.type === 'duration') {
    for (const key of ['min', 'max', 'default'] as const)
      if (!isDuration(spec[key])) problems.push(`${key} is not a length of time, such as 90s`);
    const { min = 0, max = Infinity } = spec;
    if (problems.length === 0 && boundMs(min) > boundMs(max))
      problems.push(`min is ${min}, which is more than max, ${max}`);
  }
  if (spec.type === 'date' && !isZone(spec.timeZone)) problems.push(`there is no time zone '${String(spec.timeZone)}'`);
  if (spec.type === 'choice' && !isListOfWords(spec.of)) problems.push("a choice needs 'of', a list of words");
  const wrong = problems.length > 0 ? undefined : defaultProblem(spec);
  return wrong === undefined ? problems : [wrong];
}

/** A default must be a value that a peer can give. */
function defaultProblem(spec: ArgSpec): string | undefined {
  const given = 'default' in spec ? spec.default : undefined;
  if (given === undefined) return undefined;
  if (spec.type === 'words') return 'words have no default: without words, the value is undefined';
  if (spec.type === 'date') return 'a date has no default: without it, the value is undefined';
  if (spec.type === 'duration') {
    const { min = 0, max = Infinity } = spec;
    const ms = boundMs(given as Duration);
    return ms >= boundMs(min) && ms <= boundMs(max) ? undefined : `default must be ${meaningOf(spec)}`;
  }
  const kind = { integer: 'number', number: 'number', boolean: 'boolean' }[spec.type as string] ?? 'string';
  if (typeof given !== kind) return `default is not a ${kind}`;
  const isFree = spec.type === 'word' || spec.type === 'text';
  const read = isFree ? undefined : readValue(spec, String(given), new Date(0));
  return read && 'problem' in read ? `default must be ${read.problem}` : undefined;
}

/** Whether something is a length of time, or none at all. */
export function isDuration(value: unknown): boolean {
  if (value === undefined || value === Infinity) return true;
  try {
    return durationMs(value as string) >= 0;
  } catch {
    return false;
  }
}

function isZone(name: unknown): boolean {
  try {
    return new Zone(name as string | undefined).name !== '';
  } catch {
    return false;
  }
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number' && !Number.isNaN(value);
}

function isListOfWords(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((word) => typeof word === 'string' && word !== '');
}
