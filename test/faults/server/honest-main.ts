// Honest clients as a process of its own, so that an attacker's work does not show in what they measure.
import { readFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { packet, str } from '../../support/rfc-peer.ts';
import { FrameReader } from './frames.ts';
import { percentile } from './waiting.ts';

/** What honest clients met since the last report. Times are in milliseconds. */
export interface Honest {
  readonly probes: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** The same as `p99` without the time in which the server or the prober was ready to run, and had no processor. */
  readonly ownP99: number;
  /** How long connecting and logging in took at most. */
  readonly newcomerMax: number;
  readonly faults: readonly string[];
}

export interface Join {
  readonly port: number;
  /** The server's process. */
  readonly pid: number;
  readonly roles: readonly Role[];
  /** Whether the prober speaks to everybody, too: for the readers. */
  readonly speaks: boolean;
}

export type Request = { readonly join: Join } | 'report' | 'catch up' | 'leave';
export type Role = 'prober' | 'readers' | 'newcomers';

const PROBE_MS = 10;
const TICK_MS = 50;
const NEWCOMER_MS = 100;
const CATCH_UP_MS = 15_000;
/** How exactly it is known how long processors had nothing to do. */
const IDLE_STEP_MS = 10;
/** A reader at 256 KiB/s takes so much each tick. */
const SLOW_BYTES = (256 * 1024 * TICK_MS) / 1_000;

let faults: string[] = [];
let roundTrips: { readonly ms: number; readonly ownMs: number }[] = [];
let newcomers: number[] = [];
const timers: NodeJS.Timeout[] = [];
const sockets = new Set<Socket>();
const readers = new Map<string, { socket: Socket; onCaughtUp: () => void }>();
let serverPid = 0;

/**
 * A moment, how long the main threads of the server and of this process have run until then, and waited to, how long this
 * process has stood still, and how long processors had nothing to do.
 */
interface Moment {
  readonly at: number;
  readonly ranMs: number;
  readonly serverWaitedMs: number;
  readonly ownWaitedMs: number;
  readonly stoodMs: number;
  readonly idleMs: number;
}

/** Probes that are under way, by number, with the moment when they were sent. */
const underWay = new Map<number, Moment>();

function moment(): Moment {
  const [server, own] = [schedule(serverPid), schedule(process.pid)];
  return {
    at: performance.now(),
    ranMs: server.ranMs + own.ranMs,
    serverWaitedMs: server.waitedMs,
    ownWaitedMs: own.waitedMs,
    stoodMs: standstill(),
    idleMs: idleMs(),
  };
}

let lastTurn = performance.now();
let stoodMs = 0;

/**
 * How long this process has not looked at what came, for whatever reason: it had no processor, it waited for threads that
 * help it (with garbage) and had none, or it was stopped. It looks each time that a probe is sent or comes back, at least.
 */
function standstill(): number {
  const now = performance.now();
  if (now - lastTurn > 2 * PROBE_MS) stoodMs += now - lastTurn - PROBE_MS;
  lastTurn = now;
  return stoodMs;
}

/** How long all processors together had nothing to do, in steps of 10 ms; NaN where the system does not count it. */
function idleMs(): number {
  try {
    return Number(readFileSync('/proc/uptime', 'utf8').split(' ')[1]) * 1_000;
  } catch {
    return NaN;
  }
}

/** How long the main thread of a process has run, and been ready to without; 0 where the system does not count it. */
function schedule(pid: number): { ranMs: number; waitedMs: number } {
  try {
    const [ran, waited] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ');
    return { ranMs: Number(ran) / 1e6, waitedMs: Number(waited) / 1e6 };
  } catch {
    return { ranMs: 0, waitedMs: 0 };
  }
}

function since(sent: Moment): { ms: number; ownMs: number } {
  const now = moment();
  const ms = now.at - sent.at;
  // Meanwhile the server runs on, which says nothing of when it has answered.
  const unseenMs = Math.max(now.ownWaitedMs - sent.ownWaitedMs, now.stoodMs - sent.stoodMs);
  const waitedMs = now.serverWaitedMs - sent.serverWaitedMs + unseenMs;
  const ownMs = Math.max(0, ms - waitedMs);
  // Where processors are busy, threads that help the server (with garbage) have waited, too, and it for them, perhaps
  // asleep: that is not counted. Then it is what the two have run.
  const isBusy = waitedMs > ms / 10 || (ms > IDLE_STEP_MS * 2 && now.idleMs - sent.idleMs < ms / 2);
  return { ms, ownMs: isBusy ? Math.min(ownMs, now.ranMs - sent.ranMs) : ownMs };
}

/** A session; whatever ends it but `leave` is a fault. */
function join(port: number, name: string, onFrame: (op: number, strings: () => string[]) => void): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1', noDelay: true });
    const reader = new FrameReader((op, strings) => {
      if (op === 1) resolve(socket);
      else if (op === 2) faults.push(`${name}: the login is refused`);
      else onFrame(op, strings);
    });
    sockets.add(socket);
    const fault = (what: string): void => void (sockets.delete(socket) && faults.push(`${name}: ${what}`));
    socket.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        fault((error as Error).message);
      }
    });
    socket.on('error', (error) => fault(`cut: ${error.message}`)).on('end', () => fault('cut: ended by the server'));
    socket.write(packet(0, str(name)));
  });
}

async function startProber({ port, speaks }: Join): Promise<void> {
  let count = 0;
  const prober = await join(port, 'prober', (op, strings) => {
    if (op !== 4) return;
    const [sender, , msg] = strings();
    if (sender !== 'prober') return;
    const sent = underWay.get(Number(msg));
    if (sent === undefined) faults.push(`prober: a message that it did not send, or twice: ${msg}`);
    else roundTrips.push(since(sent));
    underWay.delete(Number(msg));
  });
  timers.push(
    setInterval(() => {
      if (!sockets.has(prober)) return;
      count += 1;
      underWay.set(count, moment());
      prober.write(packet(4, str('prober'), str('prober'), str(String(count))));
      if (speaks && count % (TICK_MS / PROBE_MS) === 0) prober.write(packet(3, str('prober'), str(`tick ${count}`)));
    }, PROBE_MS),
  );
}

/** Readers at full speed and at 256 KiB/s: what the prober tells everybody must come complete and in order. */
async function startReaders(port: number): Promise<void> {
  for (const name of ['fast-reader', 'slow-reader']) {
    let last = 0;
    const socket = await join(port, name, (op, strings) => {
      if (op === 4 && strings()[0] === name) readers.get(name)!.onCaughtUp();
      if (op !== 3) return;
      const [sender, msg] = strings();
      if (sender !== 'prober') return;
      const tick = Number(msg!.slice('tick '.length));
      if (last > 0 && tick !== last + TICK_MS / PROBE_MS) faults.push(`${name}: tick ${tick} came after ${last}`);
      last = tick;
    });
    readers.set(name, { socket, onCaughtUp: () => undefined });
    if (name === 'fast-reader') continue;
    socket.pause();
    // Each read emits 'data', too.
    const read = (): unknown => socket.isPaused() && socket.read(Math.min(SLOW_BYTES, socket.readableLength));
    timers.push(setInterval(read, TICK_MS));
  }
}

/** Reads all that waits for a reader: one that was cut meets the end behind it. */
async function catchUp(): Promise<void> {
  for (const [name, reader] of readers) {
    const paused = reader.socket.isPaused();
    reader.socket.write(packet(4, str(name), str(name), str('caught up')));
    const end = new Promise<string>((resolve) => {
      reader.onCaughtUp = () => resolve('caught up');
      reader.socket.once('close', () => resolve('cut'));
      setTimeout(() => resolve('late'), CATCH_UP_MS).unref();
      if (reader.socket.destroyed) resolve('cut');
    });
    reader.socket.resume();
    if ((await end) === 'late') faults.push(`${name}: what it told itself has not come`);
    if (paused) reader.socket.pause();
  }
}

function startNewcomers(port: number): void {
  let count = 0;
  const arrive = (): void => {
    const began = performance.now();
    count += 1;
    const name = `newcomer-${count}`;
    const socket = createConnection({ port, host: '127.0.0.1', localAddress: `127.0.1.${1 + (count % 250)}` });
    sockets.add(socket);
    const done = (fault?: string): void => {
      if (!sockets.delete(socket)) return;
      newcomers.push(performance.now() - began);
      if (fault !== undefined) faults.push(`${name}: ${fault}`);
      socket.end();
    };
    socket.setTimeout(5_000, () => {
      done('no answer within 5 s');
      socket.destroy();
    });
    socket.on('error', (error) => done(`not let in: ${error.message}`)).on('end', () => done('not let in'));
    socket.on('data', (chunk: Buffer) => done(chunk[0] === 1 ? undefined : `answered by ${chunk[0]}`));
    socket.write(packet(0, str(name)));
  };
  timers.push(setInterval(arrive, NEWCOMER_MS));
}

function report(): Honest {
  // What has not come back yet took at least so long.
  const late = [...underWay.values()].map(since).filter(({ ms }) => ms > 100);
  const times = [...roundTrips, ...late];
  const all = times.map(({ ms }) => ms);
  const result: Honest = {
    probes: times.length,
    p50: percentile(all, 0.5),
    p99: percentile(all, 0.99),
    max: percentile(all, 1),
    ownP99: percentile(
      times.map(({ ownMs }) => ownMs),
      0.99,
    ),
    newcomerMax: Math.max(0, ...newcomers),
    faults,
  };
  [faults, roundTrips, newcomers] = [[], [], []];
  return result;
}

function leave(): void {
  for (const timer of timers.splice(0)) clearInterval(timer);
  for (const socket of sockets) {
    sockets.delete(socket);
    socket.on('error', () => undefined).destroy();
  }
  underWay.clear();
  readers.clear();
  report();
}

async function answer(request: Request): Promise<Honest | 'done'> {
  if (request === 'report') return report();
  if (request === 'leave') leave();
  else if (request === 'catch up') await catchUp();
  else {
    const { port, pid, roles } = request.join;
    serverPid = pid;
    if (roles.includes('prober')) await startProber(request.join);
    if (roles.includes('readers')) await startReaders(port);
    if (roles.includes('newcomers')) startNewcomers(port);
  }
  return 'done';
}

process.on('message', (request: Request) => void answer(request).then((result) => process.send!(result)));
process.once('disconnect', () => process.exit());
