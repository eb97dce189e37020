import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { resetHandle, closeHandle, type SocketHandle } from '../../net/socket-handle.ts';
import { ownModule } from '../../own-files.ts';
import type { Claim, SessionId } from '../../server/directory.ts';
import { withResolvers } from '../../util/deferred.ts';
import type { AskedByPrimary, AskedByWorker, SentConnection, SentHalf, WorkerStart } from './messages.ts';
import type { WorkerName } from '../worker-name.ts';
import type { Holder } from './registry.ts';
import { Wire, type Answers } from './wire.ts';

const ENTRY = fileURLToPath(ownModule('cluster/workers/main'));

/** A process that has closed its side, and has not ended by then, does not end by itself. */
const END_MS = 2_000;

/** One that has not begun by then hangs: on a busy machine, a process may take long to load what it is made of. */
const START_MS = 60_000;

/**
 * A worker that has not answered so many questions, of which one is asked in this time, is killed: what is said to everyone
 * waits for each worker.
 */
const MAX_UNANSWERED = 5;
const ASK_MS = 2_000;

/** A connection that the primary has accepted, and a worker has. */
interface Kept {
  readonly listener: number;
  readonly handle: SocketHandle;
  /** Whether it is of a test of this worker, and nobody else's. */
  readonly isOwn: boolean;
  /** Whether the worker has it for sure. */
  isTaken: boolean;
}

export interface WorkerProcessHandlers {
  /** The process has ended; called before {@link WorkerProcess.ended} resolves. */
  onEnd(): void;
  /** A connection to a listener that it had not begun to read when it ended. */
  onReturned(listener: number, handle: SocketHandle): void;
}

/** A worker process, as the primary knows it. */
export class WorkerProcess implements Holder {
  readonly name: WorkerName;
  readonly wire: Wire<AskedByPrimary, AskedByWorker>;
  /** Resolves to how it has ended, in words, once what it held has been seen to. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  readonly #handlers: WorkerProcessHandlers;
  /** Connections that are kept open here, by their numbers: while they have not logged in, and those of channels. */
  readonly #kept = new Map<number, Kept>();
  #how: string | undefined;
  #killedFor: string | undefined;
  #isConnected = true;
  #isOver = false;
  readonly #resolveEnded: (how: string) => void;

  constructor(name: WorkerName, answers: Omit<Answers<AskedByWorker>, 'letGo'>, handlers: WorkerProcessHandlers) {
    this.name = name;
    this.#handlers = handlers;
    this.#child = fork(ENTRY, [], {
      // The log comes by messages; what a bug of ours says goes to standard error.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      serialization: 'advanced',
    });
    this.wire = new Wire<AskedByPrimary, AskedByWorker>(this.#child, {
      ...answers,
      letGo: (id) => this.#letGo(id),
    });
    const { promise, resolve } = withResolvers<string>();
    this.ended = promise;
    this.#resolveEnded = resolve;
    this.#child.once('error', (error) => this.#onExit(error.message));
    this.#child.once('exit', (code, signal) => this.#onExit(signal ?? `exit code ${code}`));
    this.#child.once('disconnect', () => this.#onDisconnect());
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get ending(): Promise<void> | undefined {
    return this.#isConnected && this.#how === undefined ? undefined : this.ended.then(() => undefined);
  }

  async endGhost(id: SessionId, claim: Claim): Promise<void> {
    try {
      await this.wire.ask('endGhost', [id, claim]);
    } catch {
      await this.ended;
    }
  }

  /** Gives it a connection, which is kept open here as well where its end could be taken for one (P14). */
  give({ id, listener, isOwn }: SentConnection, handle: SocketHandle, isKept: boolean): void {
    // One of the server's own test, which has been on its way: what is given back has been.
    if (this.#isOver) return closeHandle(handle);
    const kept: Kept = { listener, handle, isOwn, isTaken: false };
    this.#kept.set(id, kept);
    this.wire.ask('connection', { id, listener, isOwn }, handle).then(
      () => {
        kept.isTaken = true;
        if (!isKept) this.#letGo(id);
      },
      () => undefined,
    );
  }

  /** Gives it a half that another worker had, and which is kept open here. */
  giveHalf(half: SentHalf, handle: SocketHandle): void {
    this.#kept.set(half.id, { listener: 0, handle, isOwn: false, isTaken: true });
    this.wire.ask('half', half, handle).catch(() => undefined);
  }

  /** A connection goes to another worker. */
  release(id: number): SocketHandle | undefined {
    const kept = this.#kept.get(id);
    this.#kept.delete(id);
    return kept?.handle;
  }

  /**
   * It begins; from now on, it is killed when it does not answer any more: what comes one after the other would wait for it.
   *
   * @throws {ChatosError} what the worker throws, `CONNECTION_LOST` where it has ended
   */
  async start(what: WorkerStart): Promise<void> {
    const timer = setTimeout(() => this.#kill(`it has not begun in ${START_MS / 1000} s`), START_MS).unref();
    try {
      await this.wire.ask('start', what);
    } finally {
      clearTimeout(timer);
    }
    this.#watch();
  }

  /** Time in which the machine sleeps does not count. */
  #watch(): void {
    let unanswered = 0;
    const timer = setInterval(() => {
      if (unanswered >= MAX_UNANSWERED) this.#kill(`it did not answer for ${(MAX_UNANSWERED * ASK_MS) / 1000} s`);
      unanswered += 1;
      this.wire.ask('ping', undefined).then(
        () => (unanswered = 0),
        () => undefined,
      );
    }, ASK_MS).unref();
    void this.ended.then(() => clearInterval(timer));
  }

  /** Whether it has ended, or has been asked to: what it says is of no use any more. */
  get isDisconnected(): boolean {
    return !this.#child.connected;
  }

  /** It breaks what is open, and ends. */
  disconnect(): void {
    if (this.#child.connected) this.#child.disconnect();
  }

  #kill(why: string): void {
    this.#killedFor = why;
    this.#child.kill('SIGKILL');
  }

  #letGo(id: number): undefined {
    const handle = this.release(id);
    if (handle) closeHandle(handle);
  }

  #onDisconnect(): void {
    this.#isConnected = false;
    if (this.#how !== undefined) return this.#onOver();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), END_MS);
    this.#child.once('exit', () => clearTimeout(timer));
  }

  #onExit(how: string): void {
    if (this.#how !== undefined) return;
    this.#how = this.#killedFor ?? how;
    // What it has said is all known when its side of the messages has ended, too.
    if (!this.#isConnected || !this.#child.connected) this.#onOver();
  }

  #onOver(): void {
    // Where a message was half read when it was disconnected, Node.js says that later than that it has ended.
    if (this.#isOver) return;
    this.#isOver = true;
    this.wire.close(`the worker has ended (${this.#how})`);
    const all = [...this.#kept.values()];
    this.#kept.clear();
    for (const { isTaken, isOwn, handle } of all) if (isTaken || isOwn) resetHandle(handle);
    this.#handlers.onEnd();
    const returned = all.filter(({ isTaken, isOwn }) => !isTaken && !isOwn);
    for (const { listener, handle } of returned) this.#handlers.onReturned(listener, handle);
    this.#resolveEnded(this.#how!);
  }
}
