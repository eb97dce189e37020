import { isChatosError } from '../../errors.ts';
import { startTimer } from '../../util/timeout.ts';
import type { AskedByPrimary } from './messages.ts';
import type { WorkerProcess } from './worker-process.ts';

/** Operators do not wait longer for a worker, in milliseconds. */
const ANSWER_MS = 2_000;

/** An answer, and whose it is. */
export interface WorkerAnswer<T> {
  readonly worker: WorkerProcess;
  readonly answer: T;
}

/** Questions to workers for operators, who do not wait for one that does not answer: what that one has is missing then. */
export class Asking {
  readonly #silent = new WeakSet<WorkerProcess>();

  /** Whether a worker has not answered in time, and has answered nothing since. */
  isSilent(worker: WorkerProcess): boolean {
    return this.#silent.has(worker);
  }

  /**
   * What workers have to show, by those that answer in time. One that has not is not asked again before it has.
   *
   * @throws {ChatosError} what a worker throws
   */
  show<K extends keyof AskedByPrimary>(
    workers: Iterable<WorkerProcess>,
    what: K,
    question: AskedByPrimary[K][0],
  ): Promise<WorkerAnswer<AskedByPrimary[K][1]>[]> {
    return this.change(
      [...workers].filter((worker) => !this.#silent.has(worker)),
      what,
      question,
    );
  }

  /** The same for what workers are to do: one that does not answer in time does it when it can. */
  async change<K extends keyof AskedByPrimary>(
    workers: Iterable<WorkerProcess>,
    what: K,
    question: AskedByPrimary[K][0],
  ): Promise<WorkerAnswer<AskedByPrimary[K][1]>[]> {
    const all = await Promise.all(Array.from(workers, (worker) => this.#ask(worker, what, question)));
    return all.filter((answer) => answer !== undefined);
  }

  async #ask<K extends keyof AskedByPrimary>(
    worker: WorkerProcess,
    what: K,
    question: AskedByPrimary[K][0],
  ): Promise<WorkerAnswer<AskedByPrimary[K][1]> | undefined> {
    const asked = worker.wire.ask(what, question);
    const heard = (): unknown => this.#silent.delete(worker);
    asked.then(heard, heard);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = startTimer(this.#silent.has(worker) ? 0 : ANSWER_MS, () => {
        this.#silent.add(worker);
        resolve(undefined);
      });
    });
    try {
      return await Promise.race([asked.then((answer) => ({ worker, answer })), late]);
    } catch (error) {
      // It has ended, or is being ended as it could not begin: what it had is no more.
      if (worker.isDisconnected || isChatosError(error, 'CONNECTION_LOST')) return undefined;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}
