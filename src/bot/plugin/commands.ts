import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Duration } from '../../util/duration.ts';
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
  /** Whether it may be omitted; it is `undefined` then. @default false; true with a `default`, and for a flag */
  readonly optional?: boolean;
  /**
   * Whether it is given by its name, anywhere in the line: `--env=prod` or `--env prod`; of a boolean, `--force` and
   * `--no-force`. A letter makes a short form of it, too: `-f`. @default false
   */
  readonly flag?: boolean | string;
}

/** What the text of an argument may have. */
export interface TextArg extends ArgBase {
  /** A Standard Schema (zod, valibot, arktype …) that gets the text (of `words`, the list); its output is the value. */
  readonly schema?: StandardSchemaV1;
}

/** One argument of a command. */
export type ArgSpec =
  /** A word, or several in double quotes. */
  | (TextArg & { readonly type: 'word'; readonly default?: string })
  /** The rest of the line, unchanged; only as the last argument. */
  | (TextArg & { readonly type: 'text'; readonly default?: string })
  /** All remaining words; only as the last argument. */
  | (TextArg & { readonly type: 'words' })
  | (ArgBase & { readonly type: 'integer'; readonly min?: number; readonly max?: number; readonly default?: number })
  | (ArgBase & { readonly type: 'number'; readonly min?: number; readonly max?: number; readonly default?: number })
  /** `yes` or `no`, `on` or `off`, `true` or `false`. */
  | (ArgBase & { readonly type: 'boolean'; readonly default?: boolean })
  /** One of a few words. */
  | (ArgBase & { readonly type: 'choice'; readonly of: readonly string[]; readonly default?: string })
  /** A length of time, as `90s`, `10min` or `1h30m`; the value is in milliseconds. */
  | (ArgBase & {
      readonly type: 'duration';
      readonly min?: Duration;
      readonly max?: Duration;
      readonly default?: Duration;
    })
  /**
   * A day or a time, as `2026-11-28`, `2026-11-28T09:00`, or `09:00` for the next time that it is nine. Times that name no
   * offset are in `timeZone`, an IANA name. @default the system's zone
   */
  | (ArgBase & { readonly type: 'date'; readonly timeZone?: string })
  /** The login of a user; an `@` in front is dropped. */
  | (ArgBase & { readonly type: 'login'; readonly default?: string });

/** The arguments of a command by name, in order. */
export type ArgSpecs = Readonly<Record<string, ArgSpec>>;

// TypeScript before 6.0 does not match a condition that lacks keys of the argument: `ArgSpec &` adds them.

/** The type of an argument's value. @internal */
export type ArgValue<Arg> = Arg extends ArgSpec & { schema: StandardSchemaV1<infer _, infer Output> }
  ? Output
  : Arg extends ArgSpec & { type: 'integer' | 'number' | 'duration' }
    ? number
    : Arg extends ArgSpec & { type: 'boolean' }
      ? boolean
      : Arg extends ArgSpec & { type: 'words' }
        ? string[]
        : Arg extends ArgSpec & { type: 'date' }
          ? Date
          : Arg extends ArgSpec & { type: 'choice'; of: readonly (infer Choice)[] }
            ? Choice
            : string;

/** The types of a command's arguments. @internal */
export type ArgValues<Args> = {
  readonly [Name in keyof Args]: Args[Name] extends ArgSpec & { default: string | number | boolean }
    ? ArgValue<Args[Name]>
    : Args[Name] extends ArgSpec & { flag: true | string }
      ? Args[Name] extends ArgSpec & ({ type: 'boolean' } | { optional: false })
        ? ArgValue<Args[Name]>
        : ArgValue<Args[Name]> | undefined
      : Args[Name] extends ArgSpec & { optional?: false }
        ? ArgValue<Args[Name]>
        : ArgValue<Args[Name]> | undefined;
};

/** The answer to an example: a text, a pattern, or several in order. */
export type ExpectedAnswer = string | RegExp | readonly (string | RegExp)[];

/** A message, the answer to it, and who sends it: `ann`, unless another user is named. */
export type Example = readonly [said: string, answer: ExpectedAnswer, as?: string];

/** The examples of a command, in their order. */
export function examplesOf({ examples = [] }: Pick<Command, 'examples'>): readonly Example[] {
  return Array.isArray(examples) ? (examples as readonly Example[]) : Object.entries(examples);
}

/** How often a command may be called; a call that comes earlier is answered with the time that is left. */
export interface Cooldown {
  /** The time between two calls of the same user. */
  readonly perUser?: Duration;
  /** The time between two calls of anybody. */
  readonly total?: Duration;
}

/** A command of a plugin. */
export interface Command<Args = ArgSpecs, Options = PlainOptions> {
  /** What it does, in a few words, for `!help`. */
  readonly help: string;
  /** Its arguments by name, in order. @default none */
  readonly args?: Args & ArgSpecs;
  /** Other names that it has. @default none */
  readonly aliases?: readonly string[];
  /**
   * Who may call it: a login or a list of them, with `*` and `?` as wildcards, or a function that decides. What a login
   * proves is up to the server. @default everyone
   */
  readonly from?:
    string | readonly string[] | { decide(login: string, ctx: Context<Options>): Awaitable<boolean> }['decide'];
  /** `true`: only in messages to the bot alone. `false`: only in messages to everyone. @default both */
  readonly private?: boolean;
  /** How often it may be called. @default as often as anybody likes */
  readonly cooldown?: Cooldown;
  /**
   * Messages and their expected answers, also as a list of them, in which a message may come twice or be a number, and
   * another user may send it: `[['!deploy web', 'Deployed.', 'bob']]`. `!help` shows the first; `chatosbot test` sends
   * them all in order, as private messages, or to everyone where the command is not for private messages; of the user
   * `ann` where no other is named.
   */
  readonly examples?: Readonly<Record<string, ExpectedAnswer>> | readonly Example[];
  /** Called with valid arguments; others are answered with the usage. What it returns is awaited and ignored. */
  run(args: ArgValues<Args>, message: Message, ctx: Context<Options>): unknown;
}
