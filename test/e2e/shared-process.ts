/**
 * Commands that run one after the other in one process, which loads the program once, also for the files to come: for what
 * they say and how they end, where neither depends on the process, its descriptors, or plugins that share it.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { Ended } from '../support/command.ts';
import { environment, labFile, WORK, type Options } from './chatosbot.ts';

const MAIN = path.join(import.meta.dirname, 'shared-process.mjs');

let child: ChildProcess | undefined;
let last: Promise<unknown> = Promise.resolve();

process.on('exit', () => void child?.kill('SIGKILL'));

let inputs = 0;

/** Runs `chatosbot …` to its end, behind those that were asked for before; its input comes from a file. */
export function runShared(
  args: readonly string[],
  { env, cwd = WORK, input: text }: Pick<Options, 'env' | 'cwd'> & { readonly input?: string } = {},
): Promise<Ended> {
  const input = text === undefined ? undefined : labFile(`inputs/${++inputs}`, text);
  const ended = last.then(async () => {
    child ??= fork(MAIN, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    const over = new AbortController();
    const dead = once(child, 'exit', { signal: over.signal }).then(() => {
      child = undefined;
      throw new Error(`chatosbot ${args.join(' ')} ended the process that commands share`);
    });
    dead.catch(() => undefined);
    const answer = once(child, 'message', { signal: over.signal });
    child.send({ args, env: { PATH: process.env['PATH'], ...environment(env) }, cwd, input });
    const [result] = await Promise.race([answer, dead]).finally(() => over.abort());
    return result as Ended;
  });
  last = ended.catch(() => undefined);
  return ended;
}
