import { isRegExp } from 'node:util/types';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { ChatosError, messageOf, type ErrorFields } from '../../errors.ts';
import { parseSchedule } from '../../schedule/schedule.ts';
import { argSpecsProblem, type Command } from '../messages/commands.ts';
import type { PlainOptions } from '../context.ts';
import { attempt, throwAll } from './joined-errors.ts';
import { firstMatching, type MessageHandler } from '../messages/message-filter.ts';
import type { LoadedCode } from '../running/current-call.ts';
import { HOOKS, type BotPlugin, type ScheduledTask } from '../plugin.ts';
import type { IsolationStatus } from '../status/status.ts';

/** The hooks of a plugin, each a function. */
export type Hooks = Pick<BotPlugin, 'onStart' | 'onStop' | 'onPrivateRequest' | 'onChannel'> & {
  onMessage?: MessageHandler<Readonly<Record<string, unknown>>>;
};

/** A plugin that has been read and found to be one. */
export interface LoadedPlugin {
  /** Its own name, else that of its file. */
  readonly name: string;
  /** Its file, as an absolute path; empty where it comes from none. */
  readonly file: string;
  /** The hooks that it has. */
  readonly hooks: Hooks;
  /** Its commands by name, in lower case. */
  readonly commands: ReadonlyMap<string, Command>;
  /**
   * What it does at fixed times, by name, with these options.
   *
   * @throws {ChatosError} `INVALID_PLUGIN` where a time is wrong
   */
  readonly schedule: (options: PlainOptions) => Promise<ReadonlyMap<string, ScheduledTask>>;
  /** What its options must be; `undefined` where any will do. */
  readonly optionsSchema: StandardSchemaV1 | undefined;
  /**
   * By which it is found whose code runs outside of its hooks.
   *
   * @internal
   */
  readonly code?: LoadedCode;
  /** Where it runs in a worker thread: how that is. */
  readonly isolation?: IsolationStatus | undefined;
  /**
   * Where it runs in a worker thread: ends that, once the private connections that it carries are closed. Called when
   * nothing of the plugin will be called any more.
   */
  close?(): Promise<void>;
}

/** What stands beside the hooks in a plugin. */
const PARTS = ['name', 'options', 'commands', 'schedule'] as const;
/** A command is one word behind its prefix. */
const COMMAND_NAME = /^[\p{L}\p{N}][\p{L}\p{N}_-]{0,31}$/u;
/** The form in which names of commands are compared. */
export function commandKey(name: string): string {
  return name.normalize('NFC').toLowerCase();
}

/** The command that lists the others. */
export const HELP_COMMAND = 'help';

/**
 * Reads a plugin out of what a module exports, by name or as its default.
 *
 * @param where what errors begin with: the file
 * @throws {ChatosError} `INVALID_PLUGIN` where it is none; the message has a line for each hook, command and schedule
 *   that is wrong
 */
export function readPlugin(exported: object, where: { name: string; file: string; shown: string }): LoadedPlugin {
  const invalid = (why: string, fields: ErrorFields = {}): ChatosError =>
    new ChatosError('INVALID_PLUGIN', `${where.shown}: ${why}`, { fields: { file: where.file, ...fields } });
  const wrong: ChatosError[] = [];
  const check = (isRight: boolean, why: string): void => void (isRight || wrong.push(invalid(why)));
  const { parts, unknown } = partsOf(exported);
  const known = Object.keys(HOOKS).join(', ');
  // By name: the order in which a module has its exports depends on who compiled it.
  for (const hook of [...unknown].toSorted())
    check(false, `exports ${hook}, which is not a hook; the hooks are ${known}`);
  const { name = where.name, options } = parts;
  check(typeof name === 'string' && name !== '', 'its name is not a text');
  const isSchema = options === undefined || isStandardSchema(options);
  check(isSchema, 'its options are not a Standard Schema, as zod, valibot and arktype make them');
  const hooks: Record<string, unknown> = {};
  for (const hook of Object.keys(HOOKS)) if (parts[hook] !== undefined) hooks[hook] = parts[hook];
  for (const [hook, value] of Object.entries(hooks)) {
    if (hook === 'onMessage' && Array.isArray(value)) {
      attempt(wrong, () => (hooks[hook] = firstMatching(checkHandlers(value, invalid))));
    } else {
      check(typeof value === 'function', `${hook} is not a function`);
    }
  }
  const commands = attempt(wrong, () => readCommands(parts['commands'], invalid)) ?? new Map<string, Command>();
  const schedule = attempt(wrong, () => scheduleReader(parts['schedule'], invalid))!;
  throwAll(wrong);
  if (Object.keys(hooks).length + commands.size === 0 && parts['schedule'] === undefined) {
    const names = [...Object.keys(HOOKS), 'commands', 'schedule'].join(', ');
    throw invalid(`exports no hook; expected one or more of ${names}`, { noHook: true });
  }
  return {
    name: name as string,
    file: where.file,
    hooks,
    commands,
    schedule,
    optionsSchema: options as StandardSchemaV1 | undefined,
  };
}

type Invalid = (why: string) => ChatosError;

interface Parts {
  readonly parts: Record<string, unknown>;
  /** What is named like a hook, and is none. */
  readonly unknown: Set<string>;
}

/** What the module has of a plugin's parts: those of its default export before those exported by name. */
function partsOf(exported: object): Parts {
  const own = exported as Record<string, unknown>;
  const standard = own['default'];
  const sources = isRecord(standard) && standard !== exported ? [standard, own] : [own];
  const parts: Record<string, unknown> = {};
  const unknown = new Set<string>();
  for (const source of sources) {
    for (const name of propertyNames(source)) {
      if (Object.hasOwn(parts, name)) continue;
      if (Object.hasOwn(HOOKS, name)) {
        const hook = source[name];
        parts[name] = typeof hook === 'function' ? hook.bind(source) : hook;
      } else if ((PARTS as readonly string[]).includes(name)) {
        parts[name] = source[name];
      } else if (/^on[A-Z]/.test(name)) {
        unknown.add(name);
      }
    }
  }
  return { parts, unknown };
}

/** An object's own properties, and those of its class where it has one. */
function propertyNames(object: object): string[] {
  const names = new Set<string>();
  for (let each = object; each && each !== Object.prototype; each = Object.getPrototypeOf(each) as object) {
    for (const name of Object.getOwnPropertyNames(each)) names.add(name);
  }
  return [...names];
}

function checkHandlers(handlers: readonly unknown[], invalid: Invalid): Parameters<typeof firstMatching>[0] {
  for (const [index, handler] of handlers.entries()) {
    if (!isRecord(handler) || !isRecord(handler['when']) || typeof handler['run'] !== 'function') {
      throw invalid(`onMessage[${index}] is not { when: { text?, from?, private? }, run(message, ctx) }`);
    }
    const wrong = Object.keys(handler['when']).find((key) => !['text', 'from', 'private'].includes(key));
    if (wrong !== undefined) throw invalid(`onMessage[${index}].when: there is no filter '${wrong}'`);
    const { text, from, private: isPrivate } = handler['when'];
    const isText = text === undefined || typeof text === 'string' || isRegExp(text);
    if (!isText) throw invalid(`onMessage[${index}].when.text is neither a text nor a pattern`);
    const logins: unknown[] = Array.isArray(from) ? from : [from ?? ''];
    if (!logins.every((login) => typeof login === 'string')) {
      throw invalid(`onMessage[${index}].when.from is not a login pattern, or a list of them`);
    }
    if (isPrivate !== undefined && typeof isPrivate !== 'boolean') {
      throw invalid(`onMessage[${index}].when.private is neither true nor false`);
    }
  }
  return handlers as Parameters<typeof firstMatching>[0];
}

function readCommands(commands: unknown, invalid: Invalid): Map<string, Command> {
  const read = new Map<string, Command>();
  if (commands === undefined) return read;
  if (!isRecord(commands)) throw invalid('commands is not { name: { help, args?, examples?, run } }');
  const errors: ChatosError[] = [];
  for (const [name, command] of Object.entries(commands)) {
    attempt(errors, () => {
      const wrong = (why: string): ChatosError => invalid(`commands.${name}: ${why}`);
      checkCommand(name, command, wrong);
      const key = name.toLowerCase();
      if (read.has(key)) throw wrong('another command differs from it in upper and lower case only');
      read.set(key, command);
    });
  }
  throwAll(errors);
  return read;
}

function checkCommand(name: string, command: unknown, wrong: Invalid): asserts command is Command {
  if (!COMMAND_NAME.test(name)) throw wrong('a name is letters, digits, - and _, 32 at most');
  if (name.toLowerCase() === HELP_COMMAND) throw wrong('help is there already: it lists the commands');
  if (!isRecord(command) || typeof command['run'] !== 'function') throw wrong('it has no function run');
  if (typeof command['help'] !== 'string' || command['help'] === '') throw wrong('it has no help: say what it does');
  if (command['args'] !== undefined && !isRecord(command['args'])) throw wrong('its args are not { name: { type } }');
  const problem = argSpecsProblem((command['args'] ?? {}) as Command['args'] & object);
  if (problem !== undefined) throw wrong(`args.${problem}`);
  if (command['examples'] !== undefined && !isRecord(command['examples'])) {
    throw wrong("its examples are not { 'what is said': 'what it answers' }");
  }
}

function scheduleReader(schedule: unknown, invalid: Invalid): LoadedPlugin['schedule'] {
  if (typeof schedule === 'function') {
    return async (options) => readSchedule(await (schedule as (given: PlainOptions) => unknown)(options), invalid);
  }
  const read = readSchedule(schedule, invalid);
  return () => Promise.resolve(read);
}

function readSchedule(schedule: unknown, invalid: Invalid): Map<string, ScheduledTask> {
  const read = new Map<string, ScheduledTask>();
  if (schedule === undefined) return read;
  if (!isRecord(schedule)) throw invalid('schedule is not { name: { cron, timeZone?, catchUp?, overlap?, run } }');
  const errors: ChatosError[] = [];
  for (const [name, task] of Object.entries(schedule)) {
    attempt(errors, () => {
      if (!isRecord(task) || typeof task['run'] !== 'function') {
        throw invalid(`schedule.${name}: it has no function run`);
      }
      try {
        parseSchedule(task as unknown as ScheduledTask);
      } catch (error) {
        throw invalid(`schedule.${name}: ${messageOf(error)}`);
      }
      read.set(name, task as unknown as ScheduledTask);
    });
  }
  throwAll(errors);
  return read;
}

function isStandardSchema(value: unknown): value is StandardSchemaV1 {
  const standard =
    isRecord(value) || typeof value === 'function' ? (value as Record<string, unknown>)['~standard'] : undefined;
  return isRecord(standard) && typeof standard['validate'] === 'function';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
