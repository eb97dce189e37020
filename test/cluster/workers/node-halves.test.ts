import { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { serialize } from 'node:v8';
import { expect, it } from 'vitest';
import type { NodeProcess } from '../../../src/cluster/nodes/peer-handshake.ts';
import { NodeHalves, type NodeHalvesPlan } from '../../../src/cluster/workers/node-halves.ts';
import type { Transport } from '../../../src/net/transport.ts';

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
