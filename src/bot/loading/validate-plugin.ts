import { isRegExp } from 'node:util/types';
import { isChatosError, type ChatosError, type ErrorFields } from '../../errors.ts';
import { loginProblem } from '../../protocol/login.ts';
import { scheduleProblems } from '../../schedule/schedule.ts';
import { unknownKeys } from '../../util/closest.ts';
import type { PlainOptions } from '../plugin/context.ts';
import { argProblems, isDuration } from '../plugin/arg-checks.ts';
import type { ArgSpecs, Command } from '../plugin/commands.ts';
import type { firstMatching } from '../plugin/message-filter.ts';
import type { ScheduledTask, TimerHandler } from '../plugin/plugin.ts';
import { withinLoadTime } from './load-timeout.ts';

/** Makes the error for an invalid plugin, with a line for each problem. */
export type Invalid = (problems: readonly string[], fields?: ErrorFields) => ChatosError;
/** Gets each problem of a plugin. */
export type Report = (problem: string) => void;

/** A command is one word after its prefix, or up to three. */
const COMMAND_NAME = /^[\p{L}\p{N}][\p{L}\p{N}_-]{0,31}(?: [\p{L}\p{N}][\p{L}\p{N}_-]{0,31}){0,2}$/u;
/** The command that lists the others. */
export const HELP_COMMAND = 'help';

/** The form in which names of commands are compared. */
export function commandKey(name: string): string {
  return name.normalize('NFC').toLowerCase().replaceAll(/\s+/g, ' ');
}

/** Checks a list of handlers with filters, and reports what is wrong, as all functions below. */
export function readHandlers(handlers: readonly unknown[], report: Report): Parameters<typeof firstMatching>[0] {
  for (const [index, handler] of handlers.entries()) {
    const where = `onMessage[${index}]`;
    if (!isRecord(handler) || !isRecord(handler['when']) || typeof handler['run'] !== 'function') {
      report(`${where} must be { when: { text?, from?, private?, addressed? }, run(message, ctx) }`);
      continue;
    }
    for (const problem of unknownKeys(handler, ['when', 'run'])) report(`${where}: ${problem}`);
    for (const problem of filterProblems(handler['when'])) report(`${where}.when${problem}`);
  }
  return handlers as Parameters<typeof firstMatching>[0];
}

function filterProblems(filter: Record<string, unknown>): string[] {
  const problems = unknownKeys(filter, ['text', 'from', 'private', 'addressed']).map((problem) => `: ${problem}`);
  const { text, from, private: isPrivate, addressed } = filter;
  const isText = text === undefined || typeof text === 'string' || isRegExp(text);
  if (!isText) problems.push('.text must be a text or a regular expression');
  const logins: unknown[] = Array.isArray(from) ? from : [from ?? ''];
  if (!logins.every((login) => typeof login === 'string')) {
    problems.push('.from must be a login pattern or a list of them');
  }
  if (isPrivate !== undefined && typeof isPrivate !== 'boolean') problems.push('.private must be true or false');
  if (addressed !== undefined && typeof addressed !== 'boolean') problems.push('.addressed must be true or false');
  return problems;
}

/** Checks commands; returns them by {@link commandKey}. */
export function readCommands(commands: unknown = {}, report: Report): Map<string, Command> {
  const read = new Map<string, Command>();
  const taken = new Set<string>();
  if (!isRecord(commands)) report('commands must be { name: { help, args?, examples?, run } }');
  for (const [name, command] of isRecord(commands) ? Object.entries(commands) : []) {
    const key = commandKey(name);
    const problems = commandProblems(name, command);
    if (taken.has(key)) problems.push('another command has this name, in other case or as an alias');
    else read.set(key, command as Command);
    for (const each of [key, ...aliasesOf(command).map(commandKey)]) {
      if (each !== key && taken.has(each)) problems.push(`another command has the name of the alias '${each}'`);
      taken.add(each);
    }
    for (const problem of problems) report(`commands.${name}: ${problem}`);
  }
  return read;
}

function commandProblems(name: string, command: unknown): string[] {
  const problems: string[] = [];
  for (const each of [name, ...aliasesOf(command)]) {
    const which = each === name ? 'a name' : `alias '${each}': it`;
    if (!COMMAND_NAME.test(each))
      problems.push(`${which} is a word of at most 32 letters, digits, - and _, or up to three`);
    if (commandKey(each).split(' ')[0] === HELP_COMMAND) problems.push('help is built in: it lists the commands');
  }
  if (!isRecord(command)) return [...problems, 'run is missing'];
  const { help, args = {}, examples = {}, run, aliases, from, private: isPrivate, cooldown } = command;
  const keys = ['help', 'args', 'aliases', 'from', 'private', 'cooldown', 'examples', 'run'];
  problems.push(...unknownKeys(command, keys));
  if (aliases !== undefined && !isListOfTexts(aliases)) problems.push('aliases must be a list of names');
  const isFrom = from === undefined || typeof from === 'function' || typeof from === 'string' || isListOfTexts(from);
  if (!isFrom) problems.push('from must be a login pattern, a list of them, or a function');
  if (isPrivate !== undefined && typeof isPrivate !== 'boolean') problems.push('private must be true or false');
  problems.push(...cooldownProblems(cooldown));
  if (typeof run !== 'function') problems.push(run === undefined ? 'run is missing' : 'run is not a function');
  if (typeof help !== 'string' || help === '') problems.push('help is missing: say what the command does');
  if (!isRecord(args)) problems.push('args must be { name: { type } }');
  else problems.push(...argProblems(args as ArgSpecs).map((problem) => `args.${problem}`));
  problems.push(...exampleProblems(examples));
  return problems;
}

function aliasesOf(command: unknown): string[] {
  const aliases = isRecord(command) ? command['aliases'] : undefined;
  return isListOfTexts(aliases) ? aliases : [];
}

function cooldownProblems(cooldown: unknown): string[] {
  if (cooldown === undefined) return [];
  if (!isRecord(cooldown)) return ['cooldown must be { perUser?, total? }'];
  const lengths = Object.entries(cooldown).filter(([, value]) => value !== undefined);
  return [
    ...unknownKeys(cooldown, ['perUser', 'total']).map((problem) => `cooldown: ${problem}`),
    ...lengths.flatMap(([key, value]) =>
      isDuration(value) && value !== Infinity ? [] : [`cooldown.${key} is not a length of time, such as 30s`],
    ),
  ];
}

function isListOfTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function exampleProblems(given: unknown): string[] {
  const isExample = (each: unknown): boolean =>
    Array.isArray(each) && (each.length === 2 || each.length === 3) && typeof (each as unknown[])[0] === 'string';
  const isList = Array.isArray(given) && given.every(isExample);
  if (!isList && !isRecord(given)) {
    return ['examples must be { message: answer }, or a list of [message, answer, login?]'];
  }
  const examples: readonly (readonly [said: string, answer: unknown, as?: unknown])[] = isList
    ? (given as [string, unknown, unknown?][])
    : Object.entries(given as object);
  const isAnswer = (answer: unknown): boolean => typeof answer === 'string' || isRegExp(answer);
  return examples.flatMap(([said, answer, as]) => {
    if (said === '') return ['the message of an example is empty'];
    const why = as === undefined ? undefined : typeof as === 'string' ? loginProblem(as) : 'it is not a text';
    if (why !== undefined) return [`the user of the example '${said}' is not a login: ${why}`];
    if (!(Array.isArray(answer) ? answer : [answer]).every(isAnswer)) {
      return [`the answer to '${said}' must be a text, a regular expression, or a list of them`];
    }
    // Examples run in order, which JavaScript does not keep for such keys.
    const isMoved = !isList && examples.length > 1 && /^(?:0|[1-9]\d{0,9})$/.test(said);
    if (!isMoved) return [];
    return [
      `the example '${said}' would run first, as JavaScript puts numeric keys first; use a list of [message, answer]`,
    ];
  });
}

/** Checks a function, or a list of them. */
export function readFunctions(part: string, given: unknown, report: Report): readonly unknown[] {
  if (given === undefined) return [];
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (!list.every((each) => typeof each === 'function')) report(`${part} must be a function, or a list of functions`);
  return list;
}

/** Checks the handlers of timers. */
export function readTimers(timers: unknown = {}, report: Report): Map<string, TimerHandler> {
  if (!isRecord(timers)) report('timers must be { name(data, ctx) }');
  const read = new Map(isRecord(timers) ? Object.entries(timers as Record<string, TimerHandler>) : []);
  for (const [name, handler] of read) if (typeof handler !== 'function') report(`timers.${name} is not a function`);
  return read;
}

/** Checks the schedule; one that depends on options is checked when they are known. */
export function scheduleReader(
  schedule: unknown,
  report: Report,
  invalid: Invalid,
): (options: PlainOptions) => Promise<ReadonlyMap<string, ScheduledTask>> {
  if (typeof schedule === 'function') {
    const make = async (options: PlainOptions) => (schedule as (given: PlainOptions) => unknown)(options);
    return async (options) => {
      const made = await withinLoadTime(make(options), 'making it').catch((error: unknown) => {
        throw isChatosError(error, 'TIMED_OUT') ? invalid([`schedule: ${error.message}`]) : error;
      });
      const problems: string[] = [];
      const tasks = readSchedule(made, (problem) => problems.push(problem));
      if (problems.length > 0) throw invalid(problems);
      return tasks;
    };
  }
  const tasks = readSchedule(schedule, report);
  return () => Promise.resolve(tasks);
}

function readSchedule(schedule: unknown = {}, report: Report): Map<string, ScheduledTask> {
  if (!isRecord(schedule)) report('schedule must be { name: { cron, timeZone?, catchUp?, overlap?, run } }');
  const tasks = new Map(isRecord(schedule) ? Object.entries(schedule as Record<string, ScheduledTask>) : []);
  for (const [name, task] of tasks) {
    if (typeof (task as Partial<ScheduledTask> | null)?.run !== 'function') {
      report(`schedule.${name}: run is missing or not a function`);
    }
    for (const problem of isRecord(task) ? scheduleProblems(task) : []) report(`schedule.${name}: ${problem}`);
  }
  return tasks;
}

/** Whether a value is an object, but not a list. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
