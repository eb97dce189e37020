import { isPromise } from 'node:util/types';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { ChatosError, isChatosError, messageOf } from '../../errors.ts';
import { closest } from '../../util/closest.ts';
import type { Command } from '../plugin/commands.ts';
import type { PlainOptions } from '../plugin/context.ts';
import type { Dialogue } from '../plugin/dialogue.ts';
import { firstMatching, type MessageHandler } from '../plugin/message-filter.ts';
import type { LoadedCode } from './loaded-code.ts';
import { readDialogues } from './validate-dialogues.ts';
import {
  HOOKS,
  type After,
  type Before,
  type BotPlugin,
  type ScheduledTask,
  type TimerHandler,
} from '../plugin/plugin.ts';
import {
  isRecord,
  readCommands,
  readFunctions,
  readHandlers,
  readTimers,
  scheduleReader,
  type Invalid,
} from './validate-plugin.ts';

/** The hooks of a plugin, each a function. @internal */
export type Hooks = Omit<
  BotPlugin,
  'name' | 'options' | 'commands' | 'schedule' | 'timers' | 'dialogues' | 'before' | 'after' | 'onMessage'
> & {
  onMessage?: MessageHandler<Readonly<Record<string, unknown>>>;
};

/** A plugin that was read and checked. */
export interface LoadedPlugin {
  /** Its own name, else the name of its file. */
  readonly name: string;
  /** The absolute path of its file; empty for a plugin without a file. */
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
  /** What its timers call, by name. */
  readonly timers: ReadonlyMap<string, TimerHandler>;
  /** Its dialogues, by name. */
  readonly dialogues: ReadonlyMap<string, Dialogue>;
  /** What comes before its commands, dialogues and `onMessage`. */
  readonly before: readonly Before[];
  /** What comes after them. */
  readonly after: readonly After[];
  /** The schema of its options; `undefined` if any options are valid. */
  readonly optionsSchema: StandardSchemaV1 | undefined;
  /**
   * Identifies code of the plugin that runs outside of its hooks.
   *
   * @internal
   */
  readonly code?: LoadedCode;
}

interface PluginSource {
  readonly name: string;
  readonly file: string;
  /** What errors begin with: the file. */
  readonly shown: string;
}

/** The parts of a plugin besides its hooks. */
const PARTS = ['name', 'options', 'commands', 'schedule', 'timers', 'dialogues', 'before', 'after'] as const;
/** The names of hooks in lower case: some other program's may be written so. */
const HOOK_KEYS = new Set(Object.keys(HOOKS).map((hook) => hook.toLowerCase()));
/** A plugin has at least one of these. */
const NEEDED = [...Object.keys(HOOKS), 'commands', 'schedule'];

/**
 * Reads a plugin from a module's named exports and its default export.
 *
 * @throws {ChatosError} `INVALID_PLUGIN` if it is not a plugin; the message has a line for each invalid hook, command and
 *   schedule
 */
export function readPlugin(exported: object, where: PluginSource): LoadedPlugin {
  const invalid: Invalid = (problems, fields) => {
    const message = problems.map((problem) => `${where.shown}: ${problem}`).join('\n');
    return new ChatosError('INVALID_PLUGIN', message, { fields: { file: where.file, ...fields } });
  };
  try {
    return read(exported, where, invalid);
  } catch (error) {
    // A getter, or a proxy.
    throw isChatosError(error) ? error : invalid([`what it exports cannot be read: ${messageOf(error)}`]);
  }
}

function read(exported: object, where: PluginSource, invalid: Invalid): LoadedPlugin {
  const problems: string[] = [];
  const report = (problem: string): void => void problems.push(problem);
  const check = (isRight: boolean, why: string): void => void (isRight || report(why));
  const { parts, unknown, misspelt, twice } = partsOf(exported);
  const known = Object.keys(HOOKS);
  // Sorted, because the order of exports depends on the compiler.
  for (const hook of [...unknown].toSorted()) {
    const meant = closest(hook, known);
    report(`unknown hook ${hook}; ${meant ? `did you mean ${meant}?` : `the hooks are ${known.join(', ')}`}`);
  }
  if (NEEDED.some((part) => parts[part] !== undefined)) {
    for (const [given, meant] of misspelt) check(false, `unknown key '${given}'; did you mean '${meant}'?`);
  }
  for (const part of twice) report(`exports ${part} by name and in its default export: remove one of them`);
  const { name = where.name, options } = parts;
  check(typeof name === 'string', 'name is not a text');
  check(name !== '', 'name is empty');
  const isSchema = options === undefined || isStandardSchema(options);
  check(isSchema, 'options is not a Standard Schema, as made by zod, valibot or arktype');
  const hooks: Record<string, unknown> = {};
  for (const hook of Object.keys(HOOKS)) if (parts[hook] !== undefined) hooks[hook] = parts[hook];
  for (const [hook, value] of Object.entries(hooks)) {
    if (hook === 'onMessage' && Array.isArray(value)) {
      hooks[hook] = firstMatching(readHandlers(value, report));
    } else if (hook === 'onMessage') {
      check(typeof value === 'function', 'onMessage is neither a function nor a list, as [{ when, run }]');
    } else {
      check(typeof value === 'function', `${hook} is not a function`);
    }
  }
  const commands = readCommands(parts['commands'], report);
  const schedule = scheduleReader(parts['schedule'], report, invalid);
  const timers = readTimers(parts['timers'], report);
  const dialogues = readDialogues(parts['dialogues'], report);
  const before = readFunctions('before', parts['before'], report) as readonly Before[];
  const after = readFunctions('after', parts['after'], report) as readonly After[];
  if (problems.length > 0) throw invalid(problems);
  if (Object.keys(hooks).length + commands.size === 0 && parts['schedule'] === undefined) {
    const expected = `exports no hook; expected one or more of ${NEEDED.join(', ')}`;
    throw invalid([hintFor((exported as { default?: unknown }).default) ?? expected], { noHook: true });
  }
  return {
    name: name as string,
    file: where.file,
    hooks,
    commands,
    schedule,
    timers,
    dialogues,
    before,
    after,
    optionsSchema: options as StandardSchemaV1 | undefined,
  };
}

/** What to do about a default export that is no plugin. */
function hintFor(exported: unknown): string | undefined {
  if (isPromise(exported)) return 'its default export is a promise; await it: export default await …';
  if (Array.isArray(exported)) return 'its default export is an array; a file is one plugin, so use a file for each';
  if (typeof exported !== 'function') return undefined;
  // The compiler names an anonymous one so.
  const name = ['', '_default'].includes(exported.name) ? '…' : exported.name;
  return isClass(exported)
    ? `its default export is a class; export an instance: export default new ${name}()`
    : `its default export is a function; export the plugin that it makes: export default ${name}()`;
}

/** Whether something is a class, which only `new` can call. */
export function isClass(value: unknown): boolean {
  return typeof value === 'function' && Function.prototype.toString.call(value).startsWith('class');
}

interface Parts {
  readonly parts: Record<string, unknown>;
  /** Names like those of hooks. */
  readonly unknown: Set<string>;
  /** Keys of the default export, with the name of the part that they resemble. */
  readonly misspelt: Map<string, string>;
  /** Names of parts that are there twice, and differ. */
  readonly twice: Set<string>;
}

/** The parts of a plugin in a module: in its default export, or by name. */
function partsOf(exported: object): Parts {
  const own = exported as Record<string, unknown>;
  const standard = own['default'];
  const sources = isRecord(standard) && standard !== exported ? [standard, own] : [own];
  const parts: Record<string, unknown> = {};
  const unknown = new Set<string>();
  const misspelt = new Map<string, string>();
  const twice = new Set<string>();
  for (const source of sources) {
    for (const name of propertyNames(source)) {
      if (Object.hasOwn(parts, name)) {
        // A CommonJS module has its exports in both places.
        if (source[name] !== sources[0]![name]) twice.add(name);
        continue;
      }
      if (Object.hasOwn(HOOKS, name)) {
        const hook = source[name];
        parts[name] = typeof hook === 'function' ? hook.bind(source) : hook;
      } else if ((PARTS as readonly string[]).includes(name)) {
        parts[name] = source[name];
      } else if (/^on[A-Z]/.test(name) || HOOK_KEYS.has(name.toLowerCase())) {
        unknown.add(name);
      } else if (source === standard && Object.getPrototypeOf(source) === Object.prototype) {
        // Named exports and members of a class may have any names.
        const meant = closest(name, PARTS);
        if (meant !== undefined) misspelt.set(name, meant);
      }
    }
  }
  return { parts, unknown, misspelt, twice };
}

/** The properties of an object and of its class. */
function propertyNames(object: object): string[] {
  const names = new Set<string>();
  for (let each = object; each && each !== Object.prototype; each = Object.getPrototypeOf(each) as object) {
    for (const name of Object.getOwnPropertyNames(each)) names.add(name);
  }
  return [...names];
}

function isStandardSchema(value: unknown): value is StandardSchemaV1 {
  const standard =
    isRecord(value) || typeof value === 'function' ? (value as Record<string, unknown>)['~standard'] : undefined;
  return isRecord(standard) && typeof standard['validate'] === 'function';
}
