import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { serialize } from 'node:v8';
import { expect, it, onTestFinished, vi } from 'vitest';
import { clusterKeys } from '../../../src/cluster/nodes/cluster-keys.ts';
import { answerPeer, type NodeProcess } from '../../../src/cluster/nodes/peer-handshake.ts';
import { PREFACE_BYTES } from '../../../src/cluster/nodes/preface.ts';
import type { RelayedHalf } from '../../../src/cluster/workers/messages.ts';
import { NodeHalves, type NodeHalvesPlan } from '../../../src/cluster/workers/node-halves.ts';
import type { Transport } from '../../../src/net/transport.ts';
import type { Place } from '../../../src/server/limits/source-account.ts';
import { within } from '../../support/server-sockets.ts';

const NEVER = new Promise<void>(() => undefined);

function peer(node: string): NodeProcess {
  return { node, epoch: 'epoch', worker: { slot: 0, number: 1 } };
}

/** Halves that have come from other nodes. */
function halvesFrom(...nodes: string[]) {
  const come: Transport[] = [];
  const halves = new NodeHalves({
    enter: (_, transport) => come.push(transport),
  } as Partial<NodeHalvesPlan> as NodeHalvesPlan);
  for (const node of nodes) {
    const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() }) as Socket;
    halves.take({ stream, peer: peer(node), request: serialize({ encrypted: false }) });
  }
  return { halves, come };
}

it('halves that have come from other nodes are waited for until the last has closed', async () => {
  const { halves, come } = halvesFrom('one', 'one', 'two');
  let isIdle = false;
  const idle = halves.idle(NEVER).then(() => (isIdle = true));
  for (const transport of come) {
    expect(isIdle).toBe(false);
    transport.reset();
    await new Promise((resolve) => transport.stream.once('close', resolve));
  }
  expect(await idle).toBe(true);
  await halves.idle(NEVER);
});

it('halves of a process that has gone break, and those of others do not', async () => {
  const { halves, come } = halvesFrom('one', 'one', 'two');
  halves.forget(peer('one'));
  expect(come.map(({ stream }) => stream.destroyed)).toEqual([true, true, false]);
  halves.abort();
  expect(come[2]!.stream.destroyed).toBe(true);
});

it('a half that its home cannot be called for is reset, and the log says so', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await new Promise((resolve) => server.close(resolve));
  const lines: unknown[][] = [];
  const halves = new NodeHalves({
    handshake: { self: peer('one'), keys: clusterKeys(Buffer.from('a secret of a test')), isEncrypted: false },
    log: { warn: (...line: unknown[]) => void lines.push(line) },
  } as Partial<NodeHalvesPlan> as NodeHalvesPlan);
  let [wasReset, hasLeft] = [false, false];
  const transport = { stream: new Duplex(), reset: () => (wasReset = true) } as unknown as Transport;
  const place = { leave: () => (hasLeft = true) } as unknown as Place;
  await halves.give(
    { ...peer('two'), address, home: 1 },
    {} as RelayedHalf,
    { transport, early: Buffer.alloc(0) },
    place,
  );
  expect({ wasReset, hasLeft }).toEqual({ wasReset: true, hasLeft: true });
  const why = expect.stringContaining('ECONNREFUSED') as string;
  expect(lines).toEqual([['a private connection cannot be taken to another node', { node: 'two', address, why }]]);
  await halves.idle(NEVER);
});

it('the connection for a half that has gone while its home was called is closed, and nothing is logged', async () => {
  const keys = clusterKeys(Buffer.from('a secret of a test'));
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const lines: unknown[][] = [];
  const halves = new NodeHalves({
    handshake: { self: peer('one'), keys, isEncrypted: false },
    log: { warn: (...line: unknown[]) => void lines.push(line) },
  } as Partial<NodeHalvesPlan> as NodeHalvesPlan);
  const stream = new Duplex();
  const transport = { stream, reset: () => undefined } as unknown as Transport;
  const leave = vi.fn<() => void>();
  const accepted = once(server, 'connection');
  const given = halves.give(
    { ...peer('two'), address, home: 1 },
    {} as RelayedHalf,
    { transport, early: Buffer.alloc(0) },
    { leave },
  );
  const [socket] = (await accepted) as [Socket];
  onTestFinished(() => void socket.destroy());
  while (socket.readableLength < PREFACE_BYTES) await once(socket, 'readable');
  socket.read(PREFACE_BYTES);
  stream.destroy();
  const closed = once(socket, 'close');
  const plan = { self: peer('two'), keys, isEncrypted: false };
  await answerPeer(socket, plan, () => Buffer.alloc(0));
  await given;
  socket.resume().end();
  await within(closed, 'the end of the connection');
  expect([leave.mock.calls.length, lines]).toEqual([1, []]);
});
