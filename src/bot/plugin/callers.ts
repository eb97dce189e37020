import { matchesLogin } from '../../policy/login-glob.ts';
import type { Command } from './commands.ts';

/** The patterns of logins that may call a command; `undefined` where it has none. */
export function patternsOf({ from }: Command): readonly string[] | undefined {
  if (typeof from === 'function' || from === undefined) return undefined;
  return typeof from === 'string' ? [from] : from;
}

/** Whether somebody may call a command, as far as patterns say. */
export function mayCall(command: Command, login: string): boolean {
  return patternsOf(command)?.some((pattern) => matchesLogin(pattern, login)) ?? true;
}

/** Those patterns of several commands, by the command's name. */
export function callersOf(commands: ReadonlyMap<string, Command>): Readonly<Record<string, readonly string[]>> {
  const callers = Array.from(commands, ([name, command]) => [name, patternsOf(command)] as const);
  return Object.fromEntries(callers.filter(([, patterns]) => patterns !== undefined)) as Record<string, string[]>;
}
