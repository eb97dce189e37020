import { callersOf } from '../plugin/callers.ts';
import { limitsOf } from '../plugin/usage.ts';
import type { LoadedPlugin } from './read-plugin.ts';

/** What a plugin has, by name. */
export interface PluginParts {
  readonly hooks: readonly string[];
  readonly commands: readonly string[];
  /** The logins that may call a command, by its name, where it is not for everyone. */
  readonly callers: Readonly<Record<string, readonly string[]>>;
  /** Who may call a command, where and how often, in words, by its name, where there is such a limit. */
  readonly limits: Readonly<Record<string, readonly string[]>>;
  readonly dialogues: readonly string[];
  readonly timers: readonly string[];
}

/** Names them; schedules depend on the options, and are not among them. */
export function partsOf({ hooks, commands, dialogues, timers }: LoadedPlugin): PluginParts {
  return {
    hooks: Object.keys(hooks),
    commands: [...commands.keys()],
    callers: callersOf(commands),
    limits: Object.fromEntries(
      Array.from(commands, ([name, command]) => [name, limitsOf(command)] as const).filter(
        ([, limits]) => limits.length > 0,
      ),
    ),
    dialogues: [...dialogues.keys()],
    timers: [...timers.keys()],
  };
}
