/** The server under attack: the built command line as a process of its own, looked at from outside through /proc. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { LongBytes } from '../../support/rfc-peer.ts';
import { pause } from './waiting.ts';

const CLI = path.resolve(import.meta.dirname, '../../../dist/cli/chatosbot.cjs');

/**
 * Answers on descriptor 3: "memory" with what is in use when all garbage is gone, "turns" with the most time of a processor,
 * in milliseconds, that a turn of the event loop has taken since it was asked last (0 where the system does not count it);
 * it says so at its end, too.
 */
const OBSERVER = `import { openSync, readSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
const line = new Socket({ fd: 3 });
const answer = (value) => line.write(JSON.stringify(value));
const text = Buffer.alloc(64);
let file;
try { file = openSync('/proc/self/schedstat'); } catch {}
const processorMs = () => file && parseInt(text.latin1Slice(0, readSync(file, text, 0, 64, 0))) / 1e6;
let [last, longest] = [processorMs(), 0];
const look = () => { const now = processorMs(); longest = Math.max(longest, now - last); last = now; };
if (file) setInterval(look, 1).unref();
const forget = () => { [last, longest] = [processorMs(), 0]; };
line.on('data', (question) => {
  if (String(question) === 'turns') { answer(longest); setImmediate(forget); }
  else { gc(); setImmediate(() => { gc(); answer(process.memoryUsage()); }); }
});
process.on('exit', () => { try { look(); writeSync(3, JSON.stringify(longest)); } catch {} });
line.on('error', () => undefined);
line.unref();`;

export interface ServerSettings {
  /** Options of Node.js. */
  readonly nodeArgs?: readonly string[];
  /** `serve.limits` that are not the defaults. */
  readonly limits?: Readonly<Record<string, number>>;
  /** How many files the process may open, `ulimit -n`. */
  readonly descriptors?: number;
  /** Whether standard error is a pipe that nobody reads, rather than a file. */
  readonly stalledLog?: boolean;
}

export interface Memory {
  readonly rssMiB: number;
  /** Objects and buffers. */
  readonly usedMiB: number;
}

const MIB = 2 ** 20;

export class ServerProcess {
  readonly ports: Readonly<Record<LongBytes, number>>;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(child: ChildProcess, folder: string, ports: Readonly<Record<LongBytes, number>>) {
    this.#child = child;
    this.#folder = folder;
    this.ports = ports;
  }

  /** Starts it with both widths of LONG; it has said where it listens. */
  static async start(settings: ServerSettings = {}): Promise<ServerProcess> {
    const folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-faults-'));
    const config = path.join(folder, 'chatosbot.config.yaml');
    writeFileSync(config, JSON.stringify({ serve: { limits: settings.limits ?? {} } }));
    const log = openSync(path.join(folder, 'log'), 'a');
    const observer = `data:text/javascript,${encodeURIComponent(OBSERVER)}`;
    const listen = ['--listen', '127.0.0.1:0', '--listen', '127.0.0.1:0?longBytes=8'];
    const node = ['--expose-gc', '--import', observer, ...(settings.nodeArgs ?? [])];
    const args = [...node, CLI, 'serve', ...listen, '--drain', '0', '--config', config];
    const files = settings.descriptors === undefined ? '' : `ulimit -n ${settings.descriptors}; `;
    const stderr = settings.stalledLog ? 'pipe' : log;
    const child = spawn('bash', ['-c', `${files}exec "$0" "$@"`, process.execPath, ...args], {
      cwd: folder,
      stdio: ['ignore', 'ignore', stderr, 'pipe'],
    });
    closeSync(log);
    const stop = (): void => void child.kill('SIGKILL');
    process.once('exit', stop);
    child.once('exit', () => process.off('exit', stop));
    const ports = await listening(child, path.join(folder, 'log'));
    return new ServerProcess(child, folder, ports);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** How it ended, or undefined while it runs. */
  get ended(): string | undefined {
    const { exitCode, signalCode } = this.#child;
    return exitCode === null && signalCode === null ? undefined : `exit ${exitCode ?? signalCode}`;
  }

  /** Open files and sockets. */
  get descriptors(): number {
    return this.ended === undefined ? readdirSync(`/proc/${this.pid}/fd`).length : NaN;
  }

  /** The most memory that it has had resident, since {@link forgetPeak} if that was called. */
  get peakMiB(): number {
    return this.ended === undefined ? field(this.pid, 'VmHWM') : NaN;
  }

  forgetPeak(): void {
    writeFileSync(`/proc/${this.pid}/clear_refs`, '5');
  }

  get logBytes(): number {
    return statSync(path.join(this.#folder, 'log')).size;
  }

  get log(): string {
    return readFileSync(path.join(this.#folder, 'log'), 'utf8');
  }

  /** What it uses when garbage is gone. */
  async memory(): Promise<Memory> {
    const { heapUsed, external } = JSON.parse(await this.#ask('memory')) as NodeJS.MemoryUsage;
    return { rssMiB: field(this.pid, 'VmRSS'), usedMiB: (heapUsed + external) / MIB };
  }

  /** The most time of a processor, in milliseconds, that one turn of its event loop has taken since this was asked last. */
  async longestTurnMs(): Promise<number> {
    return Number(await this.#ask('turns'));
  }

  async #ask(question: 'memory' | 'turns'): Promise<string> {
    const line = this.#child.stdio[3] as Duplex;
    const ended = (): Error => new Error(`the server has ended: ${this.log.slice(-2000)}`);
    return new Promise<string>((resolve, reject) => {
      const onExit = (): void => reject(ended());
      this.#child.once('exit', onExit);
      line.once('data', (chunk: Buffer) => {
        this.#child.off('exit', onExit);
        resolve(chunk.toString());
      });
      if (this.ended !== undefined) reject(ended());
      line.write(question);
    });
  }

  /** Ends it by SIGTERM, after 10 s by SIGKILL, and removes what it wrote; says how long that took, and its longest turn. */
  async stop(): Promise<{ ms: number; longestTurnMs: number }> {
    const began = performance.now();
    let said = '';
    if (this.ended === undefined) {
      await this.longestTurnMs();
      const line = this.#child.stdio[3] as Duplex;
      line.on('data', (chunk: Buffer) => (said += chunk.toString()));
      const closed = new Promise((resolve) => this.#child.once('close', resolve));
      this.#child.kill('SIGTERM');
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
      await closed;
      clearTimeout(timer);
    }
    for (const stream of this.#child.stdio) stream?.destroy();
    rmSync(this.#folder, { recursive: true, force: true });
    return { ms: performance.now() - began, longestTurnMs: Number(said) };
  }
}

async function listening(child: ChildProcess, log: string): Promise<Record<LongBytes, number>> {
  const text = child.stderr === null ? () => readFileSync(log, 'utf8') : collected(child.stderr);
  for (let tries = 0; tries < 2_000 && child.exitCode === null; tries++) {
    const [four, eight] = [...text().matchAll(/^listening on tcp:\/\/127\.0\.0\.1:(\d+)/gm)];
    if (four && eight) {
      child.stderr?.removeAllListeners('data').pause();
      return { 4: Number(four[1]), 8: Number(eight[1]) };
    }
    await pause(10);
  }
  child.kill('SIGKILL');
  throw new Error(`the server did not start: ${text()}`);
}

function collected(stream: NodeJS.ReadableStream): () => string {
  let all = '';
  stream.on('data', (chunk: Buffer) => (all += chunk.toString()));
  return () => all;
}

function field(pid: number, name: string): number {
  const [, kib] = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1024;
}
