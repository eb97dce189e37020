import { isRegExp } from 'node:util/types';
import { isChatosError, type ChatosError } from '../../errors.ts';
import { scheduleProblems } from '../../schedule/schedule.ts';
import { unknownKeys } from '../../util/unknown-keys.ts';
import type { PlainOptions } from '../context.ts';
import { argProblems } from '../messages/arg-checks.ts';
import type { ArgSpecs, Command } from '../messages/commands.ts';
import type { firstMatching } from '../messages/message-filter.ts';
import type { ScheduledTask } from '../plugin.ts';
import { throwAll } from './collect-errors.ts';
import { withinLoadTime } from './load-timeout.ts';

/** The error that says of a plugin what is wrong with it. */
export type Invalid = (why: string) => ChatosError;

/** A command is one word behind its prefix. */
const COMMAND_NAME = /^[\p{L}\p{N}][\p{L}\p{N}_-]{0,31}$/u;
/** The command that lists the others. */
export const HELP_COMMAND = 'help';

/** The form in which names of commands are compared. */
export function commandKey(name: string): string {
  return name.normalize('NFC').toLowerCase();
}

/**
 * The handlers of a list with filters.
 *
 * @throws {ChatosError} with a line for each thing that is wrong, as all that follow
 */
export function readHandlers(handlers: readonly unknown[], invalid: Invalid): Parameters<typeof firstMatching>[0] {
  const problems = handlers.flatMap((handler, index) => {
    const where = `onMessage[${index}]`;
    if (!isRecord(handler) || !isRecord(handler['when']) || typeof handler['run'] !== 'function') {
      return [`${where} is not { when: { text?, from?, private? }, run(message, ctx) }`];
    }
    return [
      ...unknownKeys(handler, ['when', 'run']).map((problem) => `${where}: ${problem}`),
      ...filterProblems(handler['when']).map((problem) => `${where}.when${problem}`),
    ];
  });
  throwAll(problems.map(invalid));
  return handlers as Parameters<typeof firstMatching>[0];
}

function filterProblems(filter: Record<string, unknown>): string[] {
  const problems = unknownKeys(filter, ['text', 'from', 'private']).map((problem) => `: ${problem}`);
  const { text, from, private: isPrivate } = filter;
  const isText = text === undefined || typeof text === 'string' || isRegExp(text);
  if (!isText) problems.push('.text is neither a text nor a pattern');
  const logins: unknown[] = Array.isArray(from) ? from : [from ?? ''];
  if (!logins.every((login) => typeof login === 'string')) {
    problems.push('.from is not a login pattern, or a list of them');
  }
  if (isPrivate !== undefined && typeof isPrivate !== 'boolean') problems.push('.private is neither true nor false');
  return problems;
}

/** The commands by name, as they are compared. */
export function readCommands(commands: unknown, invalid: Invalid): Map<string, Command> {
  const read = new Map<string, Command>();
  if (commands === undefined) return read;
  if (!isRecord(commands)) throw invalid('commands is not { name: { help, args?, examples?, run } }');
  const problems = Object.entries(commands).flatMap(([name, command]) => {
    const key = commandKey(name);
    const own = commandProblems(name, command);
    if (read.has(key)) own.push('another command differs from it in upper and lower case only');
    else read.set(key, command as Command);
    return own.map((problem) => `commands.${name}: ${problem}`);
  });
  throwAll(problems.map(invalid));
  return read;
}

function commandProblems(name: string, command: unknown): string[] {
  const problems: string[] = [];
  if (!COMMAND_NAME.test(name)) problems.push('a name is letters, digits, - and _, 32 at most');
  if (commandKey(name) === HELP_COMMAND) problems.push('help is there already: it lists the commands');
  if (!isRecord(command)) return [...problems, 'it has no function run'];
  const { help, args = {}, examples = {}, run } = command;
  problems.push(...unknownKeys(command, ['help', 'args', 'examples', 'run']));
  if (typeof run !== 'function') problems.push('it has no function run');
  if (typeof help !== 'string' || help === '') problems.push('it has no help: say what it does');
  if (!isRecord(args)) problems.push('its args are not { name: { type } }');
  else problems.push(...argProblems(args as ArgSpecs).map((problem) => `args.${problem}`));
  if (!isRecord(examples)) problems.push("its examples are not { 'what is said': 'what it answers' }");
  else problems.push(...exampleProblems(Object.entries(examples)));
  return problems;
}

function exampleProblems(examples: readonly (readonly [said: string, answer: unknown])[]): string[] {
  const isAnswer = (answer: unknown): boolean => typeof answer === 'string' || isRegExp(answer);
  return examples.flatMap(([said, answer]) => {
    if (said === '') return ['an example says nothing'];
    if (!(Array.isArray(answer) ? answer : [answer]).every(isAnswer)) {
      return [`the answer to '${said}' is neither a text, a pattern, nor a list of these`];
    }
    // They are tried in their order, which JavaScript does not keep for such keys.
    const isMoved = examples.length > 1 && /^(?:0|[1-9]\d{0,9})$/.test(said);
    if (!isMoved) return [];
    return [`the example '${said}' would come before the others, as JavaScript puts numbers first: say it in words`];
  });
}

/** Reads the schedule once the options are known. */
export function scheduleReader(
  schedule: unknown,
  invalid: Invalid,
): (options: PlainOptions) => Promise<ReadonlyMap<string, ScheduledTask>> {
  if (typeof schedule === 'function') {
    const make = async (options: PlainOptions) => (schedule as (given: PlainOptions) => unknown)(options);
    return async (options) => {
      const made = await withinLoadTime(make(options), 'making it').catch((error: unknown) => {
        throw isChatosError(error, 'TIMED_OUT') ? invalid(`schedule: ${error.message}`) : error;
      });
      return readSchedule(made, invalid);
    };
  }
  const read = readSchedule(schedule, invalid);
  return () => Promise.resolve(read);
}

function readSchedule(schedule: unknown, invalid: Invalid): Map<string, ScheduledTask> {
  if (schedule === undefined) return new Map();
  if (!isRecord(schedule)) throw invalid('schedule is not { name: { cron, timeZone?, catchUp?, overlap?, run } }');
  const tasks = Object.entries(schedule as Record<string, ScheduledTask>);
  const problems = tasks.flatMap(([name, task]) => {
    const own = isRecord(task) ? scheduleProblems(task) : [];
    if (typeof (task as Partial<ScheduledTask> | null)?.run !== 'function') own.unshift('it has no function run');
    return own.map((problem) => `schedule.${name}: ${problem}`);
  });
  throwAll(problems.map(invalid));
  return new Map(tasks);
}

/** Whether something is an object with keys of its own. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
