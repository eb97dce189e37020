/**
 * The command `serve` in place of the server in this process, for tests that speak to it over sockets: as
 * `CHATOSBOT_TEST_SERVER` says, its workers, or a node of a cluster. See docs/contributing.md.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import type { ServerOptions } from '../../src/server/index.ts';
import { withResolvers } from '../../src/util/deferred.ts';
import { RawControl } from './control.ts';
import { aroundEachFile } from './each-file.ts';
import { leaveOut, TESTED_SERVER } from './left-out.ts';
import { NatsServer } from './nats-server.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/chatosbot.cjs', import.meta.url));
/** What a test's server has that no flag and no configuration can say. */
const IN_PROCESS = ['directory', 'others', 'listen', 'bans', 'logins', 'tls', 'log'] as const;
/** Long enough for a busy machine; a new cluster waits as long before users can log in. */
const LEASE_MS = 10_000;

export interface ServedOptions {
  /** Of those, what the configuration has, too. */
  readonly options: ServerOptions;
  /** Addresses, in the order of their ports. */
  readonly listen: readonly string[];
  readonly onLine?: (line: Record<string, unknown>) => void;
}

export interface Served {
  readonly ports: readonly number[];
  /** Asks the control socket; the lines of its answer. */
  ask(command: string, more?: object): Promise<Record<string, unknown>[]>;
}

/** A server of its own, ready; it has ended when the test is over. */
export async function serve({ options, listen, onLine }: ServedOptions): Promise<Served> {
  const kept = IN_PROCESS.find((key) => options[key] !== undefined);
  if (kept !== undefined) leaveOut(`its server has '${kept}' that only a program can give`);
  if (options.relay === 'streams') leaveOut('no configuration has the relay by streams');
  const { relay: _, ...configured } = options;
  const folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-served-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const cluster = TESTED_SERVER === 'node' ? await (meeting ??= Meeting.begin()) : undefined;
  const child = start(folder, { ...configured, ...cluster?.section() }, listen);
  onTestFinished(() => end(child));
  const ports = await ready(child, listen.length, onLine);
  if (cluster) await cluster.linkedBy(control(folder));
  return { ports, ask: (command, more) => ask(control(folder), command, more) };
}

const control = (folder: string): string => path.join(folder, 'control.sock');

function start(folder: string, section: object, listen: readonly string[]): ChildProcess {
  const config = path.join(folder, 'config.yaml');
  // The configuration writes a limit that is lifted as a word.
  const text = stringify({ serve: section }, (_key, value: unknown) => (value === Infinity ? 'none' : value));
  writeFileSync(config, text);
  const own = [
    '--config',
    config,
    '--state',
    path.join(folder, 'state'),
    '--control',
    control(folder),
    '--with-parent',
    '--drain',
    '0',
  ];
  const log = ['--log-level', 'debug', '--log-format', 'json'];
  const workers = ['--workers', TESTED_SERVER === 'workers' ? '2' : '1'];
  const args = ['serve', ...own, ...log, ...workers, ...listen.flatMap((address) => ['--listen', address])];
  const env = { PATH: process.env['PATH'], HOME: folder, TMPDIR: folder };
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** In order: a node leaves the cluster then, and its logins are free. */
async function end(child: ChildProcess): Promise<void> {
  if (!running.has(child)) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}

/** Resolves with the ports, in order. */
async function ready(child: ChildProcess, count: number, onLine: ServedOptions['onLine']): Promise<number[]> {
  const ports: number[] = [];
  const said: string[] = [];
  const { promise, resolve, reject } = withResolvers<number[]>();
  createInterface({ input: child.stderr! }).on('line', (text) => {
    said.push(text);
    if (ports.length === count) said.length = 0;
    if (!text.startsWith('{')) return;
    const line = JSON.parse(text) as Record<string, unknown>;
    const port = /^listening on \S+?:(\d+)(\?|$)/.exec(String(line['message']))?.[1];
    if (port !== undefined && ports.push(Number(port)) === count) resolve(ports);
    onLine?.(line);
  });
  child.once('exit', () => reject(new Error(`serve has ended:\n${said.join('\n')}`)));
  return promise;
}

/** The socket is there a moment after the server listens. */
async function ask(file: string, command: string, more: object = {}): Promise<Record<string, unknown>[]> {
  for (;;) {
    const raw = new RawControl(file);
    raw.send(`${JSON.stringify({ command, ...more })}\n`);
    const lines = await raw.answer();
    raw.socket.destroy();
    if (lines.length > 0) return lines;
  }
}

let meeting: Promise<Meeting> | undefined;
aroundEachFile({
  async end() {
    const over = meeting;
    meeting = undefined;
    await (await over)?.end();
  },
});

/** A cluster of one node, which the tests' servers join one after the other. */
class Meeting {
  readonly #nats: NatsServer;
  readonly #folder: string;
  readonly #secret: string;
  #nodes = 0;
  #other: ChildProcess | undefined;

  private constructor(nats: NatsServer, folder: string) {
    this.#nats = nats;
    this.#folder = folder;
    this.#secret = path.join(folder, 'secret');
    writeFileSync(this.#secret, 'the secret of a test', { mode: 0o600 });
  }

  /** It is there for all tests of the file. */
  static async begin(): Promise<Meeting> {
    const folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-meeting-'));
    const made = new Meeting(await NatsServer.start(), folder);
    made.#other = start(folder, made.section(), ['127.0.0.1:0']);
    await ready(made.#other, 1, undefined);
    return made;
  }

  async end(): Promise<void> {
    await end(this.#other!);
    await this.#nats.remove();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** What makes a server another node of it. */
  section(): object {
    this.#nodes += 1;
    const cluster = { broker: this.#nats.url, node: `node-${this.#nodes}`, peer: '127.0.0.1:0' };
    return { cluster: { ...cluster, secretFile: this.#secret, leaseTtlMs: LEASE_MS, claimTimeoutMs: 2_000 } };
  }

  /** Resolves when a node has its link to the other. */
  async linkedBy(file: string): Promise<void> {
    for (;;) {
      const lines = await ask(file, 'cluster');
      if (lines.some((line) => line['type'] === 'link' && line['isUp'] === true)) return;
    }
  }
}
