import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { compare, cpuSeconds, median, type Contender, type Figures } from './measure.ts';
import { CLI, end, isInstalled, startChatos, type Running } from './servers/processes.ts';
import { startHaproxy } from './servers/relays.ts';

const GIB = 2 ** 30;
const BYTES = 2 * GIB;
const LINES = 2_000;
const STARTS = 5;
const TIMEOUT_MS = 120_000;

type Direction = 'one way' | 'both ways';

/** A way to get a shell's standard input to another one's standard output, through a relay that is running. */
interface Way {
  readonly name: string;
  readonly needs: readonly string[];
  /** Starts the relay, and says what runs on the two sides of it: the one that waits comes first. */
  readonly prepare: (direction: Direction) => Promise<{ relay: Running; receive: string; send: string }>;
}

const NODE = `'${process.execPath}' '${CLI}'`;

/** `pipe`, with more flags on both sides. */
export function chatosWay(name: string, flags = ''): Way {
  return {
    name,
    needs: [],
    async prepare() {
      const relay = await startChatos();
      const pipe = `exec ${NODE} pipe -q${flags} --server 127.0.0.1:${relay.port}`;
      return { relay, receive: `${pipe} --listen --login ear`, send: `${pipe} --login mouth ear` };
    },
  };
}

export const CHATOS: Way = chatosWay('chatosbot pipe');

/** Of `socat`, and of `ncat`: what waits at a port, and what connects to one. */
function overHaproxy(
  name: string,
  listen: (port: number, direction: Direction) => string,
  connect: (port: number, direction: Direction) => string,
): Way {
  return {
    name: `${name}, haproxy`,
    needs: [name, 'haproxy'],
    async prepare(direction) {
      const { routes, ...relay } = await startHaproxy(1);
      const { front, back } = routes[0]!;
      return { relay, receive: `exec ${listen(back, direction)}`, send: `exec ${connect(front, direction)}` };
    },
  };
}

export const NCAT = overHaproxy(
  'ncat',
  (port) => `ncat -l 127.0.0.1 ${port}`,
  (port) => `ncat 127.0.0.1 ${port}`,
);
/** Both ways, it leaves half a second after the end of one of them, unless it is told otherwise. */
const SOCAT = overHaproxy(
  'socat',
  (port, direction) => `socat ${socatFlags(direction)} TCP-LISTEN:${port},bind=127.0.0.1 -`,
  (port, direction) => `socat ${socatFlags(direction)} - TCP:127.0.0.1:${port}`,
);

function socatFlags(direction: Direction): string {
  return `-b 524288 ${direction === 'one way' ? '-u' : '-t 60'}`;
}

/** Makes a file of zeros that takes no room on the disk, and reads it: the first to do so would pay for the system's memory. */
export function writeZeros(file: string, bytes: number): void {
  writeFileSync(file, '');
  truncateSync(file, bytes);
  spawnSync('cat', [file], { stdio: 'ignore' });
}

/** Times, and CPU of all processes together, of `pipe` and of what a user would take instead. */
export async function benchPipe(rounds: number): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-bench-'));
  const file = path.join(folder, 'zeros');
  writeZeros(file, BYTES);
  try {
    const each = (run: (way: Way) => Promise<Figures>): Contender[] =>
      [CHATOS, NCAT, SOCAT]
        .filter(({ needs }) => needs.every(isInstalled))
        .map((way) => ({ name: way.name, run: () => run(way) }));
    const gib = `${BYTES / GIB} GiB`;
    await compare(
      `pipe: ${gib}, a file to /dev/null`,
      each((way) => move(way, { from: `< '${file}'`, to: '> /dev/null' })),
      rounds,
    );
    const [cat, sink] = [`cat '${file}' |`, '| cat > /dev/null'];
    await compare(
      `pipe: ${gib}, cat | … | cat`,
      each((way) => move(way, { before: cat, after: sink })),
      rounds,
    );
    await compare(
      'pipe: 1 GiB each way at once',
      each((way) => bothWays(way, file)),
      rounds,
    );
    await compare(
      `pipe: ${LINES} lines there and back, one by one`,
      each((way) => lines(way)),
      rounds,
    );
    await compare(
      'pipe: from the start of a sender to its first byte at the other side',
      [...each((way) => firstByte(way)), { name: 'node -e 0, to its exit', run: () => emptyNode() }],
      rounds,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Ways to move a file, as far as what they need is installed. */
export function movable(ways: readonly Way[], shape: Parameters<typeof move>[1]): Contender[] {
  return ways
    .filter(({ needs }) => needs.every(isInstalled))
    .map((way) => ({ name: way.name, run: () => move(way, shape) }));
}

/** One direction. The receiver's input is empty, and the sender sees nothing. */
async function move(
  way: Way,
  shape: { from?: string; to?: string; before?: string; after?: string },
): Promise<Figures> {
  const { relay, receive, send } = await way.prepare('one way');
  const before = cpuSeconds(relay.pid);
  const receiver = shell(`${plain(receive, shape.after)} < /dev/null ${shape.to ?? ''} ${shape.after ?? ''}`);
  try {
    await isWaiting(way);
    const startedAt = performance.now();
    const sender = shell(`${shape.before ?? ''} ${plain(send, shape.before)} ${shape.from ?? ''} > /dev/null`);
    const cpu = (await Promise.all([receiver.cpu, sender.cpu])).reduce((sum, seconds) => sum + seconds, 0);
    const seconds = (performance.now() - startedAt) / 1000;
    const peak = Math.max(receiver.peakMiB(), sender.peakMiB());
    return { s: seconds, 'CPU-s in all': cpu + cpuSeconds(relay.pid) - before, 'peak RSS MiB': peak };
  } finally {
    await end(receiver.child);
    await relay.stop();
  }
}

/** In a pipeline, the shell runs every part in a process of its own. */
function plain(command: string, pipeline: string | undefined): string {
  return pipeline === undefined ? command.replace(/^exec /, '') : command;
}

async function bothWays(way: Way, file: string): Promise<Figures> {
  const { relay, receive, send } = await way.prepare('both ways');
  const before = cpuSeconds(relay.pid);
  const half = `head -c ${BYTES / 2} '${file}' |`;
  const receiver = shell(`${half} ${receive} | cat > /dev/null`);
  try {
    await isWaiting(way);
    const startedAt = performance.now();
    const sender = shell(`${half} ${send} | cat > /dev/null`);
    const cpu = (await Promise.all([receiver.cpu, sender.cpu])).reduce((sum, seconds) => sum + seconds, 0);
    return { s: (performance.now() - startedAt) / 1000, 'CPU-s in all': cpu + cpuSeconds(relay.pid) - before };
  } finally {
    await end(receiver.child);
    await relay.stop();
  }
}

/** A line is sent when the one before it has come back. */
async function lines(way: Way): Promise<Figures> {
  const { relay, receive, send } = await way.prepare('both ways');
  const fifo = mkdtempSync(path.join(tmpdir(), 'chatosbot-bench-'));
  const echo = shell(`mkfifo ${fifo}/back; exec 4<>${fifo}/back; ${receive.replace(/^exec /, '')} <&4 >&4`);
  try {
    await isWaiting(way);
    const child = spawn('sh', ['-c', send], { cwd: tmpdir(), stdio: ['pipe', 'pipe', 'inherit'] });
    const times: number[] = [];
    for (let line = 0; line <= LINES; line++) {
      const sentAt = performance.now();
      child.stdin.write('a line\n');
      await once(child.stdout, 'data');
      times.push(performance.now() - sentAt);
    }
    child.kill('SIGKILL');
    await once(child, 'exit');
    return { 'a line ms (p50)': median(times.slice(1)) };
  } finally {
    await end(echo.child);
    await relay.stop();
    rmSync(fifo, { recursive: true });
  }
}

/** The median of some starts, one after another. */
async function firstByte(way: Way): Promise<Figures> {
  const times: number[] = [];
  for (let round = 0; round < STARTS; round++) {
    const { relay, receive, send } = await way.prepare('one way');
    const receiver = spawn('sh', ['-c', receive], { cwd: tmpdir(), stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await isWaiting(way);
      const startedAt = performance.now();
      const sender = spawn('sh', ['-c', send], { cwd: tmpdir(), stdio: ['pipe', 'ignore', 'inherit'] });
      const left = once(sender, 'exit');
      sender.stdin.end('a line\n');
      await once(receiver.stdout, 'data');
      times.push(performance.now() - startedAt);
      await left;
    } finally {
      await end(receiver);
      await relay.stop();
    }
  }
  return { ms: median(times) };
}

async function emptyNode(): Promise<Figures> {
  const times: number[] = [];
  for (let round = 0; round < STARTS; round++) {
    const startedAt = performance.now();
    await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit');
    times.push(performance.now() - startedAt);
  }
  return { ms: median(times) };
}

/** Clients of the relay say nothing when they wait: a moment must do. */
function isWaiting(way: Way): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, way.needs.length === 0 ? 1_000 : 200));
}

interface Shell {
  readonly child: ChildProcess;
  /** Seconds of CPU that it and all its children have used, when it has ended. */
  readonly cpu: Promise<number>;
  readonly peakMiB: () => number;
}

function shell(script: string): Shell {
  const child = spawn('bash', ['-c', `${script}\ntimes >&3`], {
    // Not in a folder with a configuration: reading it takes as long as all else of a start.
    cwd: tmpdir(),
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    timeout: TIMEOUT_MS,
  });
  let text = '';
  let peak = 0;
  child.stdio[3]!.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const timer = setInterval(() => {
    for (const pid of childrenOf(child.pid!)) peak = Math.max(peak, peakMiBOf(pid));
  }, 50);
  const cpu = once(child, 'close').then(() => {
    clearInterval(timer);
    return [...text.matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, [, m, s]) => sum + Number(m) * 60 + Number(s), 0);
  });
  return { child, cpu, peakMiB: () => peak };
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function peakMiBOf(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
  } catch {
    return 0;
  }
}
