import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { RfcPeer } from '../support/rfc-peer.ts';
import { compare, cpuSeconds, residentMiB, type Contender, type Figures } from './measure.ts';
import { end, freePort, isInstalled, start, startChatos } from './processes.ts';
import type { Load } from './relay-load.ts';

const GIB = 2 ** 30;
const BYTES = 2 * GIB;
const TIMEOUT_MS = 60_000;

/** One channel from end to end: GiB/s, the relay's CPU seconds a GiB, and its memory at the end. */
export async function benchRelay(rounds: number): Promise<void> {
  const contenders: Contender[] = [{ name: 'chatosbot', run: measureChatos }];
  if (isInstalled('haproxy')) contenders.push({ name: 'haproxy (splice)', run: measureHaproxy });
  await compare(`relay: ${BYTES / GIB} GiB over one channel`, contenders, rounds);
}

async function measureChatos(): Promise<Figures> {
  const server = await startChatos();
  const [x, y] = [await RfcPeer.connect(server.port), await RfcPeer.connect(server.port)];
  try {
    await Promise.all([x.login('x'), y.login('y')]);
    x.request('y');
    await y.next(5);
    y.ok('x');
    const { connectId } = await x.next(8);
    const id = connectId.toString();
    return await transfer(server.pid, [
      { role: 'receiver', port: server.port, connectId: id, bytes: BYTES },
      { role: 'sender', port: server.port, connectId: id, bytes: BYTES },
    ]);
  } finally {
    x.destroy();
    y.destroy();
    await server.stop();
  }
}

async function measureHaproxy(): Promise<Figures> {
  const [front, back] = [await freePort(), await freePort()];
  const config = [
    'global\n  maxconn 1000\n  nbthread 1',
    'defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1m\n  timeout server 1m\n  option splice-auto',
    `listen r\n  bind 127.0.0.1:${front}\n  server s 127.0.0.1:${back}\n`,
  ].join('\n');
  const proxy = await start('haproxy', ['-f', 'haproxy.cfg', '-db'], front, { 'haproxy.cfg': config });
  try {
    return await transfer(proxy.pid, [
      { role: 'receiver', port: front, bytes: BYTES },
      { role: 'sender', port: back, listen: true, bytes: BYTES },
    ]);
  } finally {
    await proxy.stop();
  }
}

/** Both ends get ready and connect, then the sender sends; both are processes of their own. */
async function transfer(relayPid: number, [receiving, sending]: readonly [Load, Load]): Promise<Figures> {
  const receiver = load(receiving);
  const sender = load(sending);
  const timer = setTimeout(() => [receiver, sender].map((child) => child.kill('SIGKILL')), TIMEOUT_MS);
  try {
    await Promise.all([told(receiver, 'ready'), told(sender, 'ready')]);
    receiver.send('go');
    sender.send('go');
    await Promise.all([told(receiver, 'connected'), told(sender, 'connected')]);
    const cpuBefore = cpuSeconds(relayPid);
    const startedAt = performance.now();
    sender.send('send');
    await told(receiver, 'done');
    const elapsedS = (performance.now() - startedAt) / 1000;
    const gib = BYTES / GIB;
    return {
      'GiB/s': gib / elapsedS,
      'CPU-s/GiB': (cpuSeconds(relayPid) - cpuBefore) / gib,
      'RSS MiB': residentMiB(relayPid),
    };
  } finally {
    clearTimeout(timer);
    await Promise.all([end(receiver), end(sender)]);
  }
}

function load(task: Load): ChildProcess {
  return fork(path.join(import.meta.dirname, 'relay-load.ts'), [JSON.stringify(task)], {
    execArgv: ['--import', 'jiti/register'],
  });
}

async function told(child: ChildProcess, wanted: string): Promise<void> {
  const gone = once(child, 'exit').then(() => {
    throw new Error(`the load's process ended before it was ${wanted}`);
  });
  for (;;) {
    const [message] = (await Promise.race([once(child, 'message'), gone])) as [unknown];
    if (message === wanted) {
      gone.catch(() => undefined);
      return;
    }
  }
}
