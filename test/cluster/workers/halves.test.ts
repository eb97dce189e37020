import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import { halfPath } from '../../../src/cluster/workers/folder.ts';
import { Halves } from '../../../src/cluster/workers/halves.ts';
import type { Mesh } from '../../../src/cluster/workers/mesh.ts';
import type { Peer } from '../../../src/cluster/workers/peer.ts';
import type { Transport } from '../../../src/net/transport.ts';
import { Sources } from '../../../src/server/limits/sources.ts';
import { DEFAULT_SERVER_LIMITS } from '../../../src/server/limits/server-limits.ts';
import type { Source } from '../../../src/server/limits/source-account.ts';
import type { ComingHalf } from '../../../src/server/others.ts';
import { withResolvers } from '../../../src/util/deferred.ts';

it('a half that is relayed to another worker has a place of its address until its relay has ended', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-halves-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const entered = withResolvers<[connectId: bigint, half: ComingHalf]>();
  const enter = (...half: [bigint, ComingHalf]): void => entered.resolve(half);
  const name = { slot: 1, number: 2 };
  await new Halves(folder, {} as never, {} as never, () => ({ enter }) as unknown as Mesh).await(name);

  const relays: { framed: Transport; onDone: () => void }[] = [];
  const relay = (_: unknown, { transport }: { transport: Transport }, onDone: () => void) => {
    relays.push({ framed: transport, onDone });
    return { abort: () => undefined };
  };
  const halves = new Halves(folder, {} as never, {} as never, () => ({ relay }) as unknown as Mesh);
  const source = new Sources(DEFAULT_SERVER_LIMITS).enter('192.0.2.1', 0) as Source;
  const transport = { stream: new PassThrough(), encrypted: true } as unknown as Transport;
  const half = { transport, rest: Buffer.alloc(0), comer: { remoteAddress: '192.0.2.1', fingerprint: undefined } };
  halves.give({ name } as Peer, 5n, half, source);
  const [connectId, { comer, transport: came }] = await entered.promise;
  expect([connectId, comer.remoteAddress, came.encrypted]).toEqual([5n, '192.0.2.1', true]);
  expect([source.connections, source.halves.taken]).toEqual([0, 1]);

  const idle = halves.idle();
  relays[0]!.onDone();
  await idle;
  expect(source.halves.taken).toBe(0);
  for (const each of [relays[0]!.framed, came]) each.reset();
});

it('a worker that dies before it has said which half it relays leaves nothing behind', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-halves-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const name = { slot: 1, number: 2 };
  await new Halves(folder, {} as never, {} as never, () => ({}) as Mesh).await(name);
  const socket = net.connect(halfPath(folder, name)).end(Buffer.alloc(2)).resume();
  onTestFinished(() => void socket.destroy());
  expect(await once(socket, 'close', { signal: AbortSignal.timeout(5_000) })).toEqual([false]);
});
