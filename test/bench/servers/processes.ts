import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const CLI = path.resolve(import.meta.dirname, '../../../dist/cli/chatosbot.cjs');

export interface Stoppable {
  stop(): Promise<void>;
}

/** A server under test: a process that listens on a port of 127.0.0.1. */
export interface Running extends Stoppable {
  readonly pid: number;
  readonly port: number;
  /** Of one that listens on several: clients are spread over them. */
  readonly ports?: readonly number[];
  /** Where it is several processes of which none has started the others. */
  readonly pids?: readonly number[];
}

/** Keeps what it is given until all is over, and stops it then, the last first. */
export type Keep = <T extends Stoppable>(started: T | Promise<T>) => Promise<T>;

export async function withProcesses<T>(run: (keep: Keep) => Promise<T>): Promise<T> {
  const kept: Stoppable[] = [];
  try {
    return await run(async (started) => {
      const running = await started;
      kept.push(running);
      return running;
    });
  } finally {
    for (const each of kept.toReversed()) await each.stop();
  }
}

export function isInstalled(command: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;
}

export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts a process and waits until its port answers. `files` are written to a folder of their own, the cwd. */
export async function start(
  command: string,
  args: readonly string[],
  port: number,
  files: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const cwd = mkdtempSync(path.join(tmpdir(), 'chatosbot-bench-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(cwd, name), text);
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-1_000)));
  const stop = async (): Promise<void> => {
    await end(child);
    rmSync(cwd, { recursive: true, force: true });
  };
  for (let tries = 0; tries < 400; tries++) {
    if (child.exitCode !== null) break;
    if (await answers(port)) return { pid: child.pid!, port, stop };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await stop();
  throw new Error(`${command} did not start: ${said.trim()}`);
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 3_000);
  await exited;
  clearTimeout(timer);
}

/** Nothing that the peers do not have either. */
const UNLIMITED = { exempt: ['127.0.0.0/8'] };

/** The server of this project, as it is shipped, in so many processes. */
export async function startChatos(limits: object = UNLIMITED, workers = 1): Promise<Running & { tlsPort: number }> {
  const [port, tlsPort] = [await freePort(), await freePort()];
  const listen = [`127.0.0.1:${port}`, `tls://127.0.0.1:${tlsPort}`];
  const config = { serve: { listen, workers, limits: { maxConnections: 19_000, ...limits } } };
  const args = [CLI, 'serve', '--drain', '0', '--log-level', 'error'];
  const server = await start(process.execPath, args, port, { 'chatosbot.config.json': JSON.stringify(config) });
  return { ...server, tlsPort };
}

/** So many nodes of a cluster, each with one worker, which use a NATS server. */
export async function startCluster(broker: string, nodes: number): Promise<Running> {
  const ports = await freePorts(nodes);
  // A new cluster lets nobody in for as long as a lease.
  const cluster = { broker, leaseTtlMs: 3_000 };
  const config = { serve: { cluster, limits: { maxConnections: 19_000, ...UNLIMITED } } };
  const listen = `127.0.0.1:${ports[0]}`;
  const flags = ['--nodes', String(nodes), '--listen', listen, '--state', 'state'];
  const args = [CLI, 'serve', ...flags, '--control', 'control', '--log-level', 'error'];
  const files = { 'chatosbot.config.json': JSON.stringify(config) };
  const server = await start(process.execPath, args, ports.at(-1)!, files);
  return { ...server, ports };
}

/** Free ports, one behind the other. */
async function freePorts(count: number): Promise<number[]> {
  for (;;) {
    const first = await freePort();
    const ports = Array.from({ length: count }, (_, i) => first + i);
    const areFree = await Promise.all(ports.map(async (port) => !(await answers(port))));
    if (areFree.every(Boolean)) return ports;
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = net.connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
