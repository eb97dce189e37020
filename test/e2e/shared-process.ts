/**
 * Commands that run one after the other in one process, which loads the program once, also for the files to come: for what
 * they say and how they end, where neither depends on the process, its descriptors, or plugins that share it.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { withResolvers } from '../../src/util/deferred.ts';
import type { Ended } from '../support/command.ts';
import { environment, LAB, labFile, WORK, type Options } from './chatosbot.ts';

const MAIN = path.join(import.meta.dirname, 'shared-process.mjs');
const PATIENCE_MS = 40_000;

export type SharedOptions = Pick<Options, 'env' | 'cwd'> & { readonly input?: string | Uint8Array };

let files = 0;

/** A process for one command at a time, started with the first. */
class Runner {
  isBusy = false;
  #child: ChildProcess | undefined;

  /** Runs `chatosbot …` to its end; its input and what it writes to the descriptor of its output are files. */
  async run(args: readonly string[], options: SharedOptions, onSaid?: (text: string) => void): Promise<Ended> {
    const { env, cwd = WORK, input: bytes } = options;
    const input = bytes === undefined ? '/dev/null' : labFile(`inputs/${++files}`, bytes);
    const output = path.join(LAB, `output-${++files}`);
    const child = (this.#child ??= fork(MAIN, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] }));
    const { promise, resolve, reject } = withResolvers<Ended>();
    const onMessage = (message: Ended & { readonly said?: string }): void => {
      if (message.said === undefined) resolve(message);
      else onSaid?.(message.said);
    };
    const onExit = (): void => {
      this.#child = undefined;
      reject(new Error(`chatosbot ${args.join(' ')} ended the process that commands share`));
    };
    child.on('message', onMessage).once('exit', onExit);
    const live = onSaid !== undefined;
    child.send({ args, env: { PATH: process.env['PATH'], ...environment(env) }, cwd, input, output, live });
    try {
      const { stdout, ...ended } = await promise;
      return { ...ended, stdout: stdout + readFileSync(output, 'utf8') };
    } finally {
      child.off('message', onMessage).off('exit', onExit);
      rmSync(output, { force: true });
    }
  }

  /** Does what a signal does to the command. */
  stop(signal: NodeJS.Signals): void {
    this.#child?.send({ stop: signal });
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  killNow(): void {
    this.#child?.kill('SIGKILL');
  }
}

const first = new Runner();
/** For those that run beside others. */
const others: Runner[] = [];
process.on('exit', () => {
  for (const runner of [first, ...others]) runner.killNow();
});

let last: Promise<unknown> = Promise.resolve();

/** Runs `chatosbot …` to its end, behind those that were asked for before; its input comes from a file. */
export function runShared(args: readonly string[], options: SharedOptions = {}): Promise<Ended> {
  const ended = last.then(() => first.run(args, options));
  last = ended.catch(() => undefined);
  return ended;
}

/** A command that runs beside others, for the other side of what is tested. */
export interface SharedCommand {
  readonly stderr: string;
  /** The next line of standard error that matches; each is returned once. Rejects where the command ends before. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  exit(): Promise<Ended>;
  /** Does what a signal does, if the command runs still. */
  kill(signal: NodeJS.Signals): void;
}

/** Starts `chatosbot …` in a process that has run others before, and runs no other meanwhile. It ends with the test. */
export function startShared(args: readonly string[], options: SharedOptions = {}): SharedCommand {
  let runner = others.find(({ isBusy }) => !isBusy);
  if (!runner) others.push((runner = new Runner()));
  const { run, isOver, command } = startOn(runner, args, options);
  const end = async (): Promise<void> => {
    command.kill('SIGTERM');
    await Promise.race([run, sleep(2_000, undefined, { ref: false })]);
    if (!isOver()) await runner.kill();
  };
  onTestFinished(end);
  return command;
}

function startOn(runner: Runner, args: readonly string[], options: SharedOptions) {
  runner.isBusy = true;
  let stderr = '';
  let unread = '';
  let isOver = false;
  const watchers = new Set<() => void>();
  const ended = runner
    .run(args, options, (text) => {
      stderr += text;
      unread += text;
      for (const look of watchers) look();
    })
    .finally(() => {
      isOver = true;
      runner.isBusy = false;
      for (const look of watchers) look();
    });
  const run = ended.catch(() => undefined);
  const what = `chatosbot ${args.join(' ')}`;
  const command: SharedCommand = {
    get stderr() {
      return stderr;
    },
    line(pattern) {
      const { promise, resolve, reject } = withResolvers<RegExpExecArray>();
      const fail = (why: string): void =>
        reject(new Error(`${what}: ${why} without a line like ${pattern}\n${stderr}`));
      const timer = setTimeout(() => fail(`${PATIENCE_MS} ms went by`), PATIENCE_MS);
      const look = (): void => {
        const lines = unread.split('\n');
        const index = lines.findIndex((line, at) => at < lines.length - 1 && pattern.test(line));
        if (index >= 0) {
          // At once: what comes next, in the same turn, is for another call.
          watchers.delete(look);
          resolve(pattern.exec(lines[index]!)!);
          unread = lines.toSpliced(index, 1).join('\n');
        } else if (isOver) fail('ended');
      };
      watchers.add(look);
      look();
      return promise.finally(() => {
        clearTimeout(timer);
        watchers.delete(look);
      });
    },
    exit: () => ended,
    kill(signal) {
      if (!isOver) runner.stop(signal);
    },
  };
  return { run, isOver: () => isOver, command };
}
