import type { Command } from 'commander';

/** A command: its module is loaded only when it is the one that is run. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** Adds arguments, options and the action to the command. */
  readonly load: () => Promise<{ register(command: Command): void }>;
}

export const COMMANDS: readonly CommandEntry[] = [
  { name: 'run', summary: 'load bot plugins and run them', load: () => import('./run.ts') },
  { name: 'test', summary: 'try the examples of commands, and run tests', load: () => import('./test.ts') },
  { name: 'new', summary: 'make a bot and its test from a template', load: () => import('./new.ts') },
  { name: 'serve', summary: 'run a server', load: () => import('./serve.ts') },
  { name: 'pipe', summary: 'join stdin and stdout with a peer', load: () => import('./pipe.ts') },
  { name: 'say', summary: 'send a message', load: () => import('./say.ts') },
  { name: 'chat', summary: 'talk, in a terminal or from a script', load: () => import('./chat.ts') },
  { name: 'check', summary: 'check configuration and plugins without running them', load: () => import('./check.ts') },
  { name: 'schedule', summary: 'list the next runs of what is scheduled', load: () => import('./schedule.ts') },
  { name: 'policy', summary: 'explain who may have a private connection', load: () => import('./policy.ts') },
  { name: 'status', summary: 'tell how running bots are', load: () => import('./status.ts') },
  { name: 'repl', summary: 'talk to a bot offline, as several users', load: () => import('./repl.ts') },
  {
    name: 'replay',
    summary: 'say to bots again what was recorded, and show what they answer otherwise',
    load: () => import('./replay.ts'),
  },
  { name: 'store', summary: 'list, export, import and delete what bots keep', load: () => import('./store.ts') },
  {
    name: 'completion',
    summary: 'print what makes a shell complete commands',
    load: () => import('./completion.ts'),
  },
];
