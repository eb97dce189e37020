import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { compare, cpuSeconds, median, type Contender, type Figures } from './measure.ts';
import { CLI, end, freePort, isInstalled, start, startChatos } from './servers/processes.ts';
import { SSH_NEEDS, startSshd } from './servers/sshd.ts';

const MIB = 2 ** 20;
const TOTAL_BYTES = 256 * MIB;
const ROUND_TRIPS = 500;
const CONNECTIONS = 300;

/** A way from a port of this machine to another one. */
interface Tunnel {
  readonly port: number;
  /** Of its processes. */
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

interface Way {
  readonly name: string;
  readonly needs: readonly string[];
  open(target: number): Promise<Tunnel>;
}

/** A process that says on standard error when it is ready. */
async function startReady(command: string, args: readonly string[], ready: RegExp): Promise<ChildProcess> {
  const child = spawn(command, args, { cwd: tmpdir(), stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  for await (const chunk of child.stderr as AsyncIterable<Buffer>) {
    said += String(chunk);
    if (ready.test(said)) break;
  }
  if (!ready.test(said)) throw new Error(`${command} did not start: ${said.trim()}`);
  return child;
}

function forwardWay(name: string, secret?: string): Way {
  return {
    name,
    needs: [],
    async open(target) {
      const server = await startChatos();
      const port = await freePort();
      const flags = ['--server', `127.0.0.1:${server.port}`, ...(secret === undefined ? [] : ['--secret', secret])];
      const permit = `127.0.0.1:${target}`;
      const listen = [CLI, 'forward', '--listen', '--login', 'vault', '--permit', permit, ...flags];
      const vault = await startReady(process.execPath, listen, /waiting for/);
      const ask = [CLI, 'forward', '-L', `${port}:${permit}`, '--login', 'asker', ...flags, 'vault'];
      const asker = await startReady(process.execPath, ask, /listening on/);
      return {
        port,
        pids: [server.pid, vault.pid!, asker.pid!],
        stop: async () => {
          await end(asker);
          await end(vault);
          await server.stop();
        },
      };
    },
  };
}

const SSH: Way = {
  name: 'ssh -L',
  needs: SSH_NEEDS,
  async open(target) {
    const server = await startSshd();
    const port = await freePort();
    const tunnel = `127.0.0.1:${port}:127.0.0.1:${target}`;
    const flags = ['-N', '-p', `${server.port}`, ...server.options, '-L', tunnel, server.destination];
    const client = await start('ssh', flags, port);
    return {
      port,
      pids: [server.pid, client.pid],
      stop: async () => {
        await client.stop();
        await server.stop();
      },
    };
  },
};

/** No tunnel at all: one hop of the same kind, without encryption. */
const SOCAT: Way = {
  name: 'socat, one hop',
  needs: ['socat'],
  async open(target) {
    const port = await freePort();
    const listen = `TCP-LISTEN:${port},bind=127.0.0.1,fork,reuseaddr,backlog=200`;
    const relay = await start('socat', ['-b', '262144', '-t', '60', listen, `TCP:127.0.0.1:${target}`], port);
    return { port, pids: [relay.pid], stop: () => relay.stop() };
  },
};

/** What `forward` does, beside what a user would take instead; and a channel for each stream, as `pipe` opens them. */
export async function benchForward(rounds: number): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-bench-'));
  const secret = path.join(folder, 'secret');
  writeFileSync(secret, spawnSync(process.execPath, [CLI, 'secret'], { encoding: 'utf8' }).stdout, { mode: 0o600 });
  const ways = [forwardWay('chatosbot forward'), forwardWay('the same, encrypted', secret), SSH, SOCAT];
  const usable = ways.filter(({ needs }) => needs.every(isInstalled));
  const each = (run: (tunnel: Tunnel) => Promise<Figures>, serve: (socket: net.Socket) => void): Contender[] =>
    usable.map((way) => ({ name: way.name, run: () => through(way, serve, run) }));
  try {
    for (const streams of [1, 8]) {
      await compare(
        `forward: ${TOTAL_BYTES / MIB} MiB over ${streams} connection${streams === 1 ? '' : 's'}`,
        each((tunnel) => upload(tunnel, streams), drain),
        rounds,
      );
    }
    await compare(`forward: ${ROUND_TRIPS} bytes there and back, one by one`, each(roundTrips, echo), rounds);
    await compare(`forward: ${CONNECTIONS} connections, one after another`, each(connections, echo), rounds);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function through(
  way: Way,
  serve: (socket: net.Socket) => void,
  run: (tunnel: Tunnel) => Promise<Figures>,
): Promise<Figures> {
  const server = net.createServer({ noDelay: true }, (socket) => serve(socket.on('error', () => undefined)));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const tunnel = await way.open((server.address() as net.AddressInfo).port);
  const before = tunnel.pids.map(cpuSeconds);
  try {
    const figures = await run(tunnel);
    const cpu = tunnel.pids.reduce((sum, pid, index) => sum + cpuSeconds(pid) - before[index]!, 0);
    // sshd and socat make processes whose time cannot be seen from here.
    return way === SSH || way === SOCAT ? { ...figures, 'CPU-s': NaN } : { ...figures, 'CPU-s': cpu };
  } finally {
    await tunnel.stop();
    server.close();
  }
}

/** Answers with one byte when all has come. */
function drain(socket: net.Socket): void {
  socket.on('data', () => undefined).once('end', () => socket.end('!'));
}

function echo(socket: net.Socket): void {
  socket.pipe(socket);
}

async function upload(tunnel: Tunnel, streams: number): Promise<Figures> {
  const block = Buffer.alloc(256 * 1024);
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: streams }, async () => {
      const socket = net.connect(tunnel.port, '127.0.0.1');
      const broken = once(socket, 'error').then(([error]) => {
        throw error;
      });
      broken.catch(() => undefined);
      for (let sent = 0; sent < TOTAL_BYTES / streams; sent += block.length) {
        if (!socket.write(block)) await Promise.race([once(socket, 'drain'), broken]);
      }
      socket.end();
      await Promise.race([once(socket, 'data'), broken]);
    }),
  );
  return { 'MiB/s': TOTAL_BYTES / MIB / ((performance.now() - startedAt) / 1000) };
}

async function roundTrips(tunnel: Tunnel): Promise<Figures> {
  const socket = net.connect({ port: tunnel.port, host: '127.0.0.1', noDelay: true });
  const times: number[] = [];
  for (let trip = 0; trip <= ROUND_TRIPS; trip++) {
    const sentAt = performance.now();
    socket.write('x');
    await once(socket, 'data');
    times.push(performance.now() - sentAt);
  }
  socket.destroy();
  return { 'ms (p50)': median(times.slice(1)) };
}

async function connections(tunnel: Tunnel): Promise<Figures> {
  const startedAt = performance.now();
  for (let number = 0; number < CONNECTIONS; number++) {
    const socket = net.connect(tunnel.port, '127.0.0.1');
    socket.write('x');
    await once(socket, 'data');
    socket.end();
    await once(socket, 'close');
  }
  return { 'a second': CONNECTIONS / ((performance.now() - startedAt) / 1000) };
}
