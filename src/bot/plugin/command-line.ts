import { closest } from '../../util/closest.ts';
import { escapeUnsafe } from '../../util/escape.ts';
import { readValue } from './arg-values.ts';
import { wordsOf, type Word } from './command-words.ts';
import type { ArgSpec, ArgSpecs } from './commands.ts';

const MAX_QUOTED_LENGTH = 40;

/** The values of a command's arguments, or their problem. Those with a schema have not been checked by it. */
export type ParsedArgs = { readonly values: Readonly<Record<string, unknown>> } | { readonly problem: string };

/** What is wrong with a line. */
class Problem extends Error {}

/**
 * Parses the arguments of a command from the text after its name. Flags may stand anywhere; behind `--` there are none.
 *
 * @param now the time, for dates
 */
export function parseArgs(specs: ArgSpecs, line: string, now: Date): ParsedArgs {
  try {
    const values: Record<string, unknown> = {};
    const text = line.trim();
    const rest = takeFlags(specs, text, wordsOf(text), values, now);
    takeOthers(specs, rest, values, now);
    // In the order in which they are declared.
    return { values: Object.fromEntries(Object.keys(specs).map((name) => [name, values[name]])) };
  } catch (error) {
    if (error instanceof Problem) return { problem: error.message };
    throw error;
  }
}

/** Whether an argument is given by its name. */
export function isFlag({ flag }: ArgSpec): boolean {
  return flag !== undefined && flag !== false;
}

/** Whether an argument may be omitted. */
export function isOptional(spec: ArgSpec): boolean {
  if (spec.optional !== undefined) return spec.optional;
  return isFlag(spec) || fallbackOf(spec) !== undefined;
}

/** A text and its words, without those that are flags. */
interface Rest {
  readonly text: string;
  readonly words: readonly Word[];
}

function takeFlags(specs: ArgSpecs, text: string, words: Word[], values: Record<string, unknown>, now: Date): Rest {
  const flags = Object.entries(specs).filter(([, spec]) => isFlag(spec));
  if (flags.length === 0) return { text, words };
  const others = Object.values(specs).filter((spec) => !isFlag(spec));
  const last = others.at(-1);
  // What looks like a flag and is none may be a part of a text.
  const textFrom = last?.type === 'text' || last?.type === 'words' ? others.length - 1 : Infinity;
  const left: Word[] = [];
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index]!;
    if (word.value === '--' && !word.isQuoted) {
      left.push(...words.slice(index + 1));
      break;
    }
    const given = word.isQuoted ? undefined : readFlag(word.value);
    if (!given) {
      left.push(word);
      continue;
    }
    const found = findFlag(flags, given);
    if (!found) {
      if (left.length >= textFrom) {
        left.push(word);
        continue;
      }
      const near = closest(
        given.name ?? '',
        flags.map(([name]) => name),
      );
      throw new Problem(
        `there is no flag ${quoted(word.value)}; ${near === undefined ? `there are ${flags.map(([name]) => `--${name}`).join(', ')}` : `did you mean --${near}?`}`,
      );
    }
    const { name, spec, isNegated } = found;
    if (spec.type === 'boolean' && given.value === undefined) {
      values[name] = !isNegated;
      continue;
    }
    if (isNegated) {
      const why =
        spec.type === 'boolean'
          ? `--no-${name} takes no value`
          : `--no-${name} makes no sense: ${name} is not yes or no`;
      throw new Problem(why);
    }
    if (given.value === undefined) index += 1;
    const value = given.value ?? words[index]?.value;
    if (value === undefined) throw new Problem(`--${name} needs a value`);
    values[name] = valueOf(`--${name}`, spec, value, now);
  }
  for (const [name, spec] of flags) {
    if (Object.hasOwn(values, name)) continue;
    values[name] = spec.type === 'boolean' && spec.default === undefined ? false : fallback(`--${name}`, spec, now);
  }
  return withoutGaps(text, left);
}

/** The text of some words: what stood between two that were neighbours stays as it was. */
function withoutGaps(text: string, left: readonly Word[]): Rest {
  let joined = '';
  const words = left.map((word, index) => {
    const before = left[index - 1];
    const gap = before ? text.slice(before.end, word.start) : '';
    joined += before && gap.trim() !== '' ? ' ' : gap;
    const start = joined.length;
    joined += text.slice(word.start, word.end);
    return { ...word, start, end: joined.length };
  });
  return { text: joined, words };
}

function takeOthers(specs: ArgSpecs, { text, words }: Rest, values: Record<string, unknown>, now: Date): void {
  let next = 0;
  for (const [name, spec] of Object.entries(specs)) {
    if (isFlag(spec)) continue;
    const word = words[next];
    if (!word) {
      values[name] = fallback(name, spec, now);
    } else if (spec.type === 'text') {
      values[name] = text.slice(word.start);
      next = words.length;
    } else if (spec.type === 'words') {
      values[name] = words.slice(next).map(({ value }) => value);
      next = words.length;
    } else {
      values[name] = valueOf(name, spec, word.value, now);
      next += 1;
    }
  }
  const extra = words[next];
  if (extra) throw new Problem(`there is nothing to do with '${quoted(text.slice(extra.start))}'`);
}

interface GivenFlag {
  readonly name?: string;
  readonly short?: string;
  readonly value: string | undefined;
}

/** The flag that is given, by its letter, its name, or, where no other is called so, by `no-` and its name. */
function findFlag(
  flags: readonly (readonly [name: string, spec: ArgSpec])[],
  given: GivenFlag,
): { readonly name: string; readonly spec: ArgSpec; readonly isNegated: boolean } | undefined {
  const named = (wanted: string | undefined) => flags.find(([name]) => name.toLowerCase() === wanted);
  const meant = given.short === undefined ? named(given.name) : flags.find(([, { flag }]) => flag === given.short);
  const negated = meant ? undefined : named(/^no-(.+)$/.exec(given.name ?? '')?.[1]);
  const [name, spec] = meant ?? negated ?? [];
  return name === undefined || !spec ? undefined : { name, spec, isNegated: !meant };
}

/** A word that looks like a flag. Phones make one dash of two. */
function readFlag(word: string): GivenFlag | undefined {
  const [, name, value] = /^(?:--|[—–])(\p{L}[\p{L}\p{N}_-]*)(?:=([^]*))?$/u.exec(word) ?? [];
  if (name !== undefined) return { name: name.toLowerCase(), value };
  const [, short, given] = /^-(\p{L})(?:=([^]*))?$/u.exec(word) ?? [];
  return short === undefined ? undefined : { short, value: given };
}

function valueOf(name: string, spec: ArgSpec, word: string, now: Date): unknown {
  const read = readValue(spec, word, now);
  if ('problem' in read) throw new Problem(`${name} must be ${read.problem}, not '${quoted(word)}'`);
  return read.value;
}

/** The value of an argument that is left out. */
function fallback(name: string, spec: ArgSpec, now: Date): unknown {
  const given = fallbackOf(spec);
  if (given === undefined && !isOptional(spec)) throw new Problem(`${name} is missing`);
  return typeof given === 'string' && spec.type === 'duration' ? valueOf(name, spec, given, now) : given;
}

function fallbackOf(spec: ArgSpec): unknown {
  return 'default' in spec ? spec.default : undefined;
}

/** A peer's text as answers quote it: short, on one line. */
export function quoted(text: string): string {
  const line = escapeUnsafe(text);
  const characters = Array.from(new Intl.Segmenter().segment(line), ({ segment }) => segment);
  return characters.length > MAX_QUOTED_LENGTH ? `${characters.slice(0, MAX_QUOTED_LENGTH).join('')}…` : line;
}
