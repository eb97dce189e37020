import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { Socket } from 'node:net';
import { openHalf, RfcPeer } from '../support/rfc-peer.ts';
import type { ChannelsLoad } from './channels-load.ts';
import { cpuSeconds, median, printTable, residentMiB } from './measure.ts';
import { end, startChatos } from './processes.ts';

const MIB = 2 ** 20;
const TOTAL_BYTES = 2 * 1024 * MIB;
const COUNTS = [1, 8, 64, 512];
const IDLE = 1_000;
const STUCK = 50;
/** Channels that one pair of sessions negotiates. */
const A_PAIR = 32;

/** Two peers that have agreed on a channel have its id; so many of them. */
async function agree(port: number, count: number): Promise<{ ids: bigint[]; leave: () => void }> {
  const ids: bigint[] = [];
  const peers: RfcPeer[] = [];
  while (ids.length < count) {
    const [x, y] = [await RfcPeer.connect(port), await RfcPeer.connect(port)];
    peers.push(x, y);
    const [asks, asked] = [`asks ${peers.length}`, `asked ${peers.length}`];
    await Promise.all([x.login(asks), y.login(asked)]);
    for (let n = 0; n < A_PAIR && ids.length < count; n++) {
      x.request(asked);
      await y.next(5);
      y.ok(asks);
      ids.push((await x.next(8)).connectId);
    }
  }
  return { ids, leave: () => peers.forEach((peer) => peer.destroy()) };
}

/** Many channels at once, what a channel costs, and what others notice. */
export async function benchChannels(rounds: number): Promise<void> {
  const rows = [['channels', 'GiB/s in all', 'CPU-s/GiB', 'ping alone p50 ms', 'ping beside p50 ms', 'beside p99 ms']];
  for (const count of COUNTS) {
    const runs: number[][] = [];
    for (let round = 0; round < rounds; round++) runs.push(await saturate(count));
    rows.push([String(count), ...runs[0]!.map((_, column) => median(runs.map((run) => run[column]!)).toPrecision(3))]);
  }
  printTable(`channels: ${TOTAL_BYTES / MIB / 1024} GiB over so many at once, and a ping over another one`, rows);
  printTable('channels: memory of the server', [
    ['', 'KiB each'],
    [`${IDLE} that are idle`, (await memoryOf(IDLE, 'idle')).toFixed(1)],
    [`${STUCK} whose receiver does not read`, (await memoryOf(STUCK, 'stuck')).toFixed(1)],
  ]);
}

async function saturate(count: number): Promise<number[]> {
  const server = await startChatos();
  const { ids, leave } = await agree(server.port, count + 1);
  const [pingId, ...loadIds] = ids;
  const [left, right] = await Promise.all([openHalf(server.port, pingId!), openHalf(server.port, pingId!)]);
  right.on('data', (chunk: Buffer) => right.write(chunk));
  const connectIds = loadIds.map(String);
  const bytes = Math.floor(TOTAL_BYTES / count);
  const [receiver, sender] = [
    load({ role: 'receiver', port: server.port, connectIds, bytes }),
    load({ role: 'sender', port: server.port, connectIds, bytes }),
  ];
  try {
    await Promise.all([heard(receiver, 'established'), heard(sender, 'established')]);
    const alone = await pings(left, 500);
    const cpuBefore = cpuSeconds(server.pid);
    const startedAt = performance.now();
    sender.send('send');
    const done = heard(receiver, 'done').then(() => 'done' as const);
    const beside: number[] = [];
    for (;;) {
      const turn = await Promise.race([done, pings(left, 10)]);
      if (turn === 'done') break;
      beside.push(...turn);
    }
    const gib = TOTAL_BYTES / 1024 / MIB;
    const seconds = (performance.now() - startedAt) / 1000;
    return [
      gib / seconds,
      (cpuSeconds(server.pid) - cpuBefore) / gib,
      median(alone),
      median(beside),
      beside.toSorted((a, b) => a - b)[Math.floor(beside.length * 0.99)]!,
    ];
  } finally {
    left.destroy();
    right.destroy();
    leave();
    await Promise.all([end(receiver), end(sender)]);
    await server.stop();
  }
}

async function pings(socket: Socket, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < count; n++) {
    const sentAt = performance.now();
    const back = once(socket, 'data');
    socket.write('ping');
    await back;
    times.push(performance.now() - sentAt);
  }
  return times;
}

/** In KiB of the server's resident memory. */
async function memoryOf(count: number, kind: 'idle' | 'stuck'): Promise<number> {
  const server = await startChatos();
  const { ids, leave } = await agree(server.port, count);
  const before = residentMiB(server.pid);
  const halves: Socket[] = [];
  try {
    for (const id of ids) {
      halves.push(...(await Promise.all([openHalf(server.port, id), openHalf(server.port, id)])));
    }
    if (kind === 'stuck') {
      const chunk = Buffer.alloc(MIB);
      for (let n = 0; n < 16; n++) for (let i = 0; i < halves.length; i += 2) halves[i]!.write(chunk);
    }
    await settled(() => residentMiB(server.pid));
    return ((residentMiB(server.pid) - before) * 1024) / count;
  } finally {
    for (const half of halves) half.destroy();
    leave();
    await server.stop();
  }
}

/** Resolves when a figure has not grown for a second. */
async function settled(figure: () => number): Promise<void> {
  for (let last = -1, now = figure(); now > last; now = figure()) {
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

function load(task: ChannelsLoad): ChildProcess {
  return fork(path.join(import.meta.dirname, 'channels-load.ts'), [JSON.stringify(task)], {
    execArgv: ['--import', 'jiti/register'],
  });
}

async function heard(child: ChildProcess, wanted: string): Promise<void> {
  for (;;) {
    const [message] = (await once(child, 'message')) as [unknown];
    if (message === wanted) return;
  }
}
