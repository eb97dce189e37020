import type { Command } from 'commander';

/** A command: its module is loaded only if it is the one that runs. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** `register` adds arguments, options and the action; `registerOther` does the same for another command. */
  readonly load: () => Promise<{ register(command: Command, registerOther: (name: string) => Promise<void>): void }>;
}

/** A command is a file and a line here. */
export const COMMANDS: readonly CommandEntry[] = [
  { name: 'run', summary: 'load bot plugins and run them', load: () => import('./run.ts') },
  { name: 'test', summary: 'run the examples of commands, and test files', load: () => import('./test.ts') },
  { name: 'new', summary: 'create a bot and its test from a template', load: () => import('./new.ts') },
  { name: 'serve', summary: 'run a server', load: () => import('./serve.ts') },
  { name: 'ctl', summary: 'operate a running server', load: () => import('./ctl.ts') },
  { name: 'top', summary: 'watch a running server', load: () => import('./top.ts') },
  { name: 'pipe', summary: 'connect stdin and stdout to a peer', load: () => import('./pipe.ts') },
  { name: 'send', summary: 'send files and folders to a peer', load: () => import('./send.ts') },
  { name: 'receive', summary: 'receive files and folders', load: () => import('./receive.ts') },
  { name: 'forward', summary: 'forward ports through a peer', load: () => import('./forward.ts') },
  { name: 'say', summary: 'send a message', load: () => import('./say.ts') },
  { name: 'chat', summary: 'chat in a terminal or from a script', load: () => import('./chat.ts') },
  { name: 'identity', summary: 'show who you are for tls:// servers', load: () => import('./identity.ts') },
  { name: 'secret', summary: 'make a secret for encryption from end to end', load: () => import('./secret.ts') },
  { name: 'check', summary: 'check configuration and plugins without running them', load: () => import('./check.ts') },
  { name: 'schedule', summary: 'list the next scheduled runs', load: () => import('./schedule.ts') },
  { name: 'policy', summary: 'explain who may have a private connection', load: () => import('./policy.ts') },
  { name: 'status', summary: 'show the status of running bots', load: () => import('./status.ts') },
  { name: 'repl', summary: 'try a bot offline, as one or several users', load: () => import('./repl.ts') },
  { name: 'replay', summary: 'replay a recording, and show where answers differ', load: () => import('./replay.ts') },
  {
    name: 'store',
    summary: 'list, export, import, repair and delete the stores of bots',
    load: () => import('./store.ts'),
  },
  { name: 'completion', summary: 'print a shell completion script', load: () => import('./completion.ts') },
];
