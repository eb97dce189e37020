import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import process from 'node:process';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DISCARD_SINK,
  EMPTY_SOURCE,
  streamSink,
  streamSource,
  type ByteSink,
  type ByteSource,
} from '../../transfer/bytes.ts';
import { ChatosError } from '../../errors.ts';
import { ExitSignal } from '../terminal/exit.ts';
import { warn } from '../terminal/output.ts';

/** After SIGTERM, a process has this long to end. */
const GRACE_MS = 3_000;
/** How often a process that was asked to end is looked at. */
const LOOK_MS = 20;
/** A process whose output has ended is about to exit, or has closed its output and goes on. */
const EXIT_MS = 1_000;
/** What a peer sends is dropped for so long when the process has exited; then it must learn that nobody reads it. */
const DROP_MS = 10_000;
const CANNOT_RUN = 126;

/** How a process has ended. */
export interface ExecExit {
  /** 128 + n for signal n. */
  readonly code: number;
  readonly signal: NodeJS.Signals | null;
}

/**
 * A command of the shell whose standard input and output are joined with a channel, in a process group of its own. Its
 * end without success is an error of both: the peer must not take it for the end of what it says.
 */
export class ExecProcess {
  /** What it writes. */
  readonly input: ByteSource;
  /** What it reads. Bytes that it does not read are dropped; the end is done when it has exited. */
  readonly output: ByteSink;
  readonly exited: Promise<ExecExit>;
  readonly #pid: number | undefined;
  readonly #peer: string;
  /** The peer's direction has ended. */
  #inputOver = false;
  /** As `performance.now()`. */
  #exitedAt = Infinity;

  constructor(command: string, { login, peer }: { login: string; peer: string }) {
    const env = { ...process.env, CHATOSBOT_LOGIN: login, CHATOSBOT_PEER: peer.replaceAll('\0', '') };
    const child = spawn('/bin/sh', ['-c', command], { stdio: ['pipe', 'pipe', 'inherit'], env, detached: true });
    this.#pid = child.pid;
    this.#peer = peer;
    process.on('exit', this.#kill);
    this.exited = new Promise<ExecExit>((resolve) => {
      child.once('error', (error) => {
        warn(`cannot run '${command}': ${error.message}`);
        resolve({ code: CANNOT_RUN, signal: null });
      });
      child.once('exit', (code, signal) => {
        // Somebody else may have it open still, who does not read.
        child.stdin.destroy();
        this.#exitedAt = performance.now();
        resolve({ code: code ?? 128 + constants.signals[signal!], signal });
      });
    });
    // Where there is no descriptor left, it has neither.
    const { stdin: writable, stdout: readable } = child as { stdin?: Writable; stdout?: Readable };
    const stdout = readable ? streamSource(readable) : EMPTY_SOURCE;
    const stdin = writable ? streamSink(writable) : DISCARD_SINK;
    this.input = {
      read: async () => (await stdout.read()) ?? this.#endOfOutput(),
      close: () => stdout.close(),
    };
    const give = async (act: () => void | Promise<void>): Promise<void> => {
      try {
        if (!writable?.destroyed) await act();
      } catch {
        // It may end without reading all.
      }
    };
    this.output = {
      write: async (chunk) => {
        if (performance.now() - this.#exitedAt > DROP_MS) throw this.#unread();
        await give(() => stdin.write(chunk));
      },
      end: async () => {
        this.#inputOver = true;
        await give(() => stdin.end());
        await this.#success();
      },
    };
  }

  /** Ends it, with all that it has started, where it has not ended by itself. */
  async end(): Promise<void> {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const endAt = performance.now() + GRACE_MS;
      for (let lives = this.#signal(signal); lives && performance.now() < endAt; lives = this.#signal(0)) {
        await sleep(LOOK_MS);
      }
    }
    process.off('exit', this.#kill);
  }

  /** It has done what it had to: what it has left running on purpose may go on. */
  leave(): void {
    process.off('exit', this.#kill);
  }

  async #endOfOutput(): Promise<undefined> {
    await Promise.race([this.#success(), sleep(EXIT_MS, undefined, { ref: false })]);
    // A peer that still sends may wait for our end. One that has ended gets ours when it is known how the process ended.
    if (this.#inputOver) await this.#success();
  }

  #unread(): ChatosError {
    const message = `${this.#peer} went on sending after the command for it had ended`;
    return new ChatosError('CHANNEL_ABORTED', message, { fields: { peer: this.#peer } });
  }

  async #success(): Promise<void> {
    const { code } = await this.exited;
    if (code !== 0) throw new ExitSignal(code, `the command for ${this.#peer} failed with ${code}`);
  }

  readonly #kill = (): void => void this.#signal('SIGKILL');

  /** Returns whether there is anybody left to be sent a signal. */
  #signal(signal: NodeJS.Signals | 0): boolean {
    try {
      return this.#pid !== undefined && process.kill(-this.#pid, signal);
    } catch {
      return false;
    }
  }
}
