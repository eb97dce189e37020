import { escapeUnsafe } from '../../util/escape.ts';
import type { Awaitable, Context, Message, PlainOptions } from './context.ts';

/** What commands begin with, where nothing else is configured. */
export const DEFAULT_COMMAND_PREFIX = '!';

/** What commands may begin with: nothing that a plain message begins with. */
export const COMMAND_PREFIX = /^[^\s\p{L}\p{N}]\S{0,7}$/u;
export const EXPECTED_PREFIX = 'expected one to eight characters, the first no letter, digit or space';

/** What all arguments of commands may have. */
export interface ArgBase {
  /** Its meaning, for `!help`. */
  readonly help?: string;
  /** Whether it may be omitted; it is `undefined` then. @default false, or true with a `default` */
  readonly optional?: boolean;
}

/** One argument of a command. */
export type ArgSpec =
  /** A word, or several in double quotes. */
  | (ArgBase & { readonly type: 'word'; readonly default?: string })
  /** The rest of the line, unchanged; only as the last argument. */
  | (ArgBase & { readonly type: 'text'; readonly default?: string })
  /** All remaining words; only as the last argument. */
  | (ArgBase & { readonly type: 'words' })
  | (ArgBase & { readonly type: 'integer'; readonly min?: number; readonly max?: number; readonly default?: number })
  | (ArgBase & { readonly type: 'number'; readonly min?: number; readonly max?: number; readonly default?: number })
  /** `yes` or `no`, `on` or `off`, `true` or `false`. */
  | (ArgBase & { readonly type: 'boolean'; readonly default?: boolean })
  /** One of a few words. */
  | (ArgBase & { readonly type: 'choice'; readonly of: readonly string[]; readonly default?: string });

/** The arguments of a command by name, in order. */
export type ArgSpecs = Readonly<Record<string, ArgSpec>>;

// TypeScript before 6.0 does not match a condition that lacks keys of the argument: `ArgSpec &` adds them.

/** The type of an argument's value. @internal */
export type ArgValue<Arg> = Arg extends ArgSpec & { type: 'integer' | 'number' }
  ? number
  : Arg extends ArgSpec & { type: 'boolean' }
    ? boolean
    : Arg extends ArgSpec & { type: 'words' }
      ? readonly string[]
      : Arg extends ArgSpec & { type: 'choice'; of: readonly (infer Choice)[] }
        ? Choice
        : string;

/** The types of a command's arguments. @internal */
export type ArgValues<Args> = {
  readonly [Name in keyof Args]: Args[Name] extends ArgSpec & { default: string | number | boolean }
    ? ArgValue<Args[Name]>
    : Args[Name] extends ArgSpec & { optional?: false }
      ? ArgValue<Args[Name]>
      : ArgValue<Args[Name]> | undefined;
};

/** The answer to an example: a text, a pattern, or several in order. */
export type ExpectedAnswer = string | RegExp | readonly (string | RegExp)[];

/** A command of a plugin. */
export interface Command<Args = ArgSpecs, Options = PlainOptions> {
  /** What it does, in a few words, for `!help`. */
  readonly help: string;
  /** Its arguments by name, in order. @default none */
  readonly args?: Args & ArgSpecs;
  /**
   * Messages and their expected answers. `!help` shows the first; `chatosbot test` sends them all in order, as private
   * messages of the user `ann`.
   */
  readonly examples?: Readonly<Record<string, ExpectedAnswer>>;
  /** Called with valid arguments; others are answered with the usage. */
  run(args: ArgValues<Args>, message: Message, ctx: Context<Options>): Awaitable<void>;
}

const MAX_QUOTED_LENGTH = 40;

/** The values of a command's arguments, or their problem. */
export type ParsedArgs = { readonly values: Readonly<Record<string, unknown>> } | { readonly problem: string };

/** Parses the arguments of a command from the text after its name. */
export function parseArgs(specs: ArgSpecs, line: string): ParsedArgs {
  const values: Record<string, unknown> = {};
  let rest = line.trim();
  for (const [name, spec] of Object.entries(specs)) {
    if (rest === '') {
      const fallback = 'default' in spec ? spec.default : undefined;
      if (fallback === undefined && spec.optional !== true) return { problem: `${name} is missing` };
      values[name] = fallback;
    } else if (spec.type === 'text') {
      [values[name], rest] = [rest, ''];
    } else if (spec.type === 'words') {
      const words: string[] = [];
      while (rest !== '') {
        const [word, tail] = firstWord(rest);
        words.push(word);
        rest = tail;
      }
      values[name] = words;
    } else {
      const [word, tail] = firstWord(rest);
      const read = readWord(spec, word);
      if ('problem' in read) return { problem: `${name} must be ${read.problem}, not '${quoted(word)}'` };
      values[name] = read.value;
      rest = tail;
    }
  }
  return rest === '' ? { values } : { problem: `there is nothing to do with '${quoted(rest)}'` };
}

/** A peer's text as answers quote it: short, on one line. */
function quoted(text: string): string {
  const line = escapeUnsafe(text);
  const characters = Array.from(new Intl.Segmenter().segment(line), ({ segment }) => segment);
  return characters.length > MAX_QUOTED_LENGTH ? `${characters.slice(0, MAX_QUOTED_LENGTH).join('')}…` : line;
}

/** How a command is called, as `!roll [sides] <note…>`. */
export function usageOf(prefix: string, name: string, specs: ArgSpecs = {}): string {
  const args = Object.entries(specs).map(([arg, spec]) => {
    const what = spec.type === 'choice' ? spec.of.join('|') : arg;
    const more = spec.type === 'text' || spec.type === 'words' ? `${what}…` : what;
    return isOptional(spec) ? `[${more}]` : `<${more}>`;
  });
  return [`${prefix}${name}`, ...args].join(' ');
}

/** Whether an argument may be omitted. */
export function isOptional(spec: ArgSpec): boolean {
  return spec.optional === true || ('default' in spec && spec.default !== undefined);
}

/** The first word, or the text in double quotes, and the rest. */
function firstWord(text: string): [word: string, rest: string] {
  const match = /^"([^"]*)"(?=\s|$)|^\S+/.exec(text)!;
  return [match[1] ?? match[0], text.slice(match[0].length).trimStart()];
}

const BOOLEANS = new Map(Object.entries({ yes: true, no: false, on: true, off: false, true: true, false: false }));

type Read = { readonly value: string | number | boolean } | { readonly problem: string };

/** Parses a word as an argument; the problem says what it must be. */
export function readWord(spec: ArgSpec, word: string): Read {
  switch (spec.type) {
    case 'integer':
    case 'number': {
      const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(word) ? Number(word) : NaN;
      const { min = -Infinity, max = Infinity } = spec;
      const fits = spec.type === 'integer' ? Number.isSafeInteger(value) : Number.isFinite(value);
      if (fits && value >= min && value <= max) return { value };
      return { problem: `${spec.type === 'integer' ? 'a whole number' : 'a number'}${rangeOf(min, max)}` };
    }
    case 'boolean': {
      const value = BOOLEANS.get(word.toLowerCase());
      return value === undefined ? { problem: 'yes or no' } : { value };
    }
    case 'choice': {
      const value = spec.of.find((each) => each.toLowerCase() === word.toLowerCase());
      return value === undefined ? { problem: `one of ${spec.of.join(', ')}` } : { value };
    }
    default:
      return { value: word };
  }
}

/** The range of a number, in words: ` from 1 to 6`, ` of 1 or more`, or nothing. */
export function rangeOf(min = -Infinity, max = Infinity): string {
  if (min > -Infinity && max < Infinity) return ` from ${min} to ${max}`;
  if (min > -Infinity) return ` of ${min} or more`;
  return max < Infinity ? ` of ${max} or less` : '';
}
