import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { end, type Stoppable } from '../servers/processes.ts';

/** What a process of load can be told to do; arguments and answers are copied. */
type Calls = Readonly<Record<string, (...args: never[]) => unknown>>;

/** A process that makes load, and does nothing unless it is told to: its CPU and its waits are its own. */
export interface LoadProcess<T extends Calls> extends Stoppable {
  call<K extends keyof T & string>(name: K, ...args: Parameters<T[K]>): Promise<Awaited<ReturnType<T[K]>>>;
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

const ANSWER_TIMEOUT_MS = 120_000;

/** Starts a file of this folder, one that ends with `answerCalls`. */
export function startLoad<T extends Calls>(file: string): LoadProcess<T> {
  const child = fork(path.join(import.meta.dirname, file), [], {
    execArgv: ['--import', 'jiti/register'],
    serialization: 'advanced',
  });
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  let calls = 0;
  child.on('message', ({ id, value, error }: Answer) => {
    const call = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) call?.resolve(value as never);
    else call?.reject(new Error(error));
  });
  void once(child, 'exit').then(() => {
    for (const { reject } of waiting.values()) reject(new Error(`${file} has ended`));
  });
  return {
    call: (name, ...args) =>
      new Promise((resolve, reject) => {
        const id = ++calls;
        const timer = setTimeout(() => reject(new Error(`${file} does not answer: ${name}`)), ANSWER_TIMEOUT_MS);
        const settled =
          <V>(settle: (value: V) => void) =>
          (value: V): void => {
            clearTimeout(timer);
            settle(value);
          };
        const call = { resolve: settled(resolve), reject: settled(reject) };
        waiting.set(id, call);
        child.send({ id, name, args }, (error) => error && call.reject(error));
      }),
    stop: () => end(child),
  };
}

/** In the process itself: does what it is told to. */
export function answerCalls(calls: Calls): void {
  process.on('message', ({ id, name, args }: { id: number; name: string; args: never[] }) => {
    const answer = (rest: Omit<Answer, 'id'>): void => void process.send!({ id, ...rest } satisfies Answer);
    new Promise((resolve) => resolve(calls[name]!(...args))).then(
      (value) => answer({ value }),
      (error: Error) => answer({ error: error.message }),
    );
  });
}
