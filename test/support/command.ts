/** A program run as a user runs it: a process of its own, of which only the streams and the exit code are seen. */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { onTestFinished, TestRunner } from 'vitest';
import { aroundEachFile } from './each-file.ts';

const PATIENCE_MS = 40_000;

/** Commands that were started in a test end with it; those of `beforeAll` end with the file. */
const running = { test: new Set<Command>(), file: new Set<Command>() };
aroundEachFile({ end: endCommands });
process.on('exit', () => {
  for (const command of [...running.test, ...running.file]) command.kill('SIGKILL');
});

/** Ends every process that was started here and still runs. */
export async function endCommands(): Promise<void> {
  await Promise.all([end(running.test), end(running.file)]);
}

function keep(command: Command): void {
  const inTest = TestRunner.getCurrentTest() !== undefined;
  if (inTest && running.test.size === 0) onTestFinished(() => end(running.test));
  (inTest ? running.test : running.file).add(command);
}

/** One that was started in a test ends with the file, as tests behind it need it. */
export function keepForFile(command: Command): void {
  running.test.delete(command);
  running.file.add(command);
}

async function end(commands: Set<Command>): Promise<void> {
  const all = [...commands];
  commands.clear();
  for (const command of all) command.kill('SIGKILL');
  await Promise.all(all.map(({ ended }) => ended));
}

export interface CommandOptions {
  /** All of the environment but PATH. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Text or bytes and then the end; an open file; or `open`, for a pipe that the test writes to. @default no input */
  readonly input?: string | Uint8Array | number;
  /** An open file, or who takes the bytes. @default they are kept */
  readonly output?: number | ((chunk: Buffer) => void);
  /** An open file for standard error. @default it is kept */
  readonly errors?: number;
}

/** How a process ended. */
export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

type StreamName = 'stdout' | 'stderr';
/** Looks at what is there; returns whether it is satisfied. */
type Watcher = { look: () => boolean; over: () => void };

/** A running process, in a process group of its own. */
export class Command {
  readonly ended: Promise<Ended>;
  readonly #what: string;
  readonly #child: ChildProcess;
  readonly #chunks: Record<StreamName, Buffer[]> = { stdout: [], stderr: [] };
  /** Lines that are complete, and that no call of {@link line} has returned. */
  readonly #lines: Record<StreamName, string[]> = { stdout: [], stderr: [] };
  readonly #rest: Record<StreamName, string> = { stdout: '', stderr: '' };
  readonly #decoders = { stdout: new StringDecoder(), stderr: new StringDecoder() };
  readonly #watchers = new Set<Watcher>();
  #shownTo = 0;
  #over = false;

  constructor(file: string, args: readonly string[], options: CommandOptions) {
    const { cwd, input, output, errors = 'pipe' } = options;
    const stdin = input === undefined ? 'ignore' : typeof input === 'number' ? input : 'pipe';
    const stdio: StdioOptions = [stdin, typeof output === 'number' ? output : 'pipe', errors];
    const env = { PATH: process.env['PATH'], ...options.env };
    this.#what = [path.basename(file), ...args].join(' ');
    this.#child = spawn(file, args, { cwd, env, stdio, detached: true });
    for (const name of ['stdout', 'stderr'] as const) {
      const take = (chunk: Buffer): void => this.#take(name, chunk);
      this.#child[name]?.on('data', name === 'stdout' && typeof output === 'function' ? output : take);
    }
    this.ended = new Promise((resolve) => {
      this.#child.once('error', () => resolve({ status: null, signal: null, ...this.#texts() }));
      this.#child.once('close', (status, signal) => {
        this.#over = true;
        for (const watcher of this.#watchers) watcher.over();
        resolve({ status, signal, ...this.#texts() });
      });
    });
    keep(this);
    this.#child.stdin?.on('error', () => undefined);
    if (typeof input === 'string' && input !== 'open') this.stdin.end(input);
    else if (input instanceof Uint8Array) this.stdin.end(input);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Whether the process has not ended; {@link ended} waits for its streams, too. */
  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get stdin(): Writable {
    return this.#child.stdin!;
  }

  /** The bytes of standard output so far. */
  get stdout(): Buffer {
    return Buffer.concat(this.#chunks.stdout);
  }

  get stderr(): string {
    return Buffer.concat(this.#chunks.stderr).toString();
  }

  /** Reads no more of standard error, as a reader does that has stalled. */
  stallErrors(): void {
    this.#child.stderr!.pause();
  }

  resumeErrors(): void {
    this.#child.stderr!.resume();
  }

  type(text: string): void {
    this.stdin.write(text);
  }

  /** Sends a signal to the process, and to those that it started. */
  kill(signal: NodeJS.Signals): void {
    try {
      if (!this.#over && this.#child.pid !== undefined) process.kill(-this.#child.pid, signal);
    } catch {
      // It has ended meanwhile.
    }
  }

  /** The next line that matches; each is returned once, others stay. Rejects when the time is up or the process ends. */
  line(pattern: RegExp, from: StreamName = 'stderr', timeoutMs = PATIENCE_MS): Promise<RegExpExecArray> {
    return this.#await(`a line like ${pattern} on ${from}`, timeoutMs, () => {
      for (const [index, line] of this.#lines[from].entries()) {
        const match = pattern.exec(line);
        if (!match) continue;
        this.#lines[from].splice(index, 1);
        return match;
      }
      return undefined;
    });
  }

  /** Waits until a text is seen on standard output, behind the one that was waited for before: for terminals. */
  shows(text: string, timeoutMs = PATIENCE_MS): Promise<void> {
    return this.#await(`'${text}' on the terminal`, timeoutMs, () => {
      const at = this.stdout.toString().indexOf(text, this.#shownTo);
      if (at >= 0) this.#shownTo = at + text.length;
      return at >= 0 ? true : undefined;
    }).then(() => undefined);
  }

  /** How it ended; rejects when that takes too long. */
  async exit(timeoutMs = PATIENCE_MS): Promise<Ended> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(this.#failure(`has not ended within ${timeoutMs} ms`)), timeoutMs);
    });
    return Promise.race([this.ended, late]).finally(() => clearTimeout(timer));
  }

  /** The most memory that it has had resident, in bytes. */
  peakMemory(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
  }

  #take(name: StreamName, chunk: Buffer): void {
    this.#chunks[name].push(chunk);
    const lines = (this.#rest[name] + this.#decoders[name].write(chunk)).split('\n');
    this.#rest[name] = lines.pop()!;
    this.#lines[name].push(...lines);
    for (const watcher of this.#watchers) if (watcher.look()) this.#watchers.delete(watcher);
  }

  #await<T>(what: string, timeoutMs: number, find: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const found = find();
      if (found !== undefined) return resolve(found);
      const fail = (why: string): void => {
        clearTimeout(timer);
        this.#watchers.delete(watcher);
        reject(this.#failure(`${why} without ${what}`));
      };
      const timer = setTimeout(() => fail(`${timeoutMs} ms went by`), timeoutMs);
      const look = (): boolean => {
        const now = find();
        if (now === undefined) return false;
        clearTimeout(timer);
        resolve(now);
        return true;
      };
      const watcher: Watcher = { look, over: () => fail('ended') };
      if (this.#over) fail('ended');
      else this.#watchers.add(watcher);
    });
  }

  #texts(): { stdout: string; stderr: string } {
    return { stdout: this.stdout.toString(), stderr: this.stderr };
  }

  #failure(what: string): Error {
    return new Error(`${this.#what}: ${what}\n--- stdout\n${this.stdout.toString()}\n--- stderr\n${this.stderr}`);
  }
}
