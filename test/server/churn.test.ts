import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { ConnectIds } from '../../src/server/channels/connect-ids.ts';
import type { ConnectedClient } from '../../src/server/directory.ts';
import { DEFAULT_SERVER_LIMITS } from '../../src/server/limits/server-limits.ts';
import { Negotiations } from '../../src/server/negotiation.ts';
import { heapBytes } from '../support/heap.ts';
import { RfcPeer } from '../support/rfc-peer.ts';
import { Rig } from '../support/server-rig.ts';

const client = (id: string): ConnectedClient => {
  const send = (): void => undefined;
  return { id, login: id, key: id, remoteAddress: '127.0.0.1', longBytes: 4, send, sendBytes: send, flush: send };
};

it('sessions that have negotiated and left leave nothing behind', async () => {
  const negotiations = new Negotiations({ ...DEFAULT_SERVER_LIMITS, requestTimeoutMs: Infinity }, new EventEmitter());
  const ids = new ConnectIds(DEFAULT_SERVER_LIMITS);
  const live = (count: number, from: number): void => {
    for (let i = from; i < from + count; i++) {
      const [a, b] = [client(`a ${i}`), client(`b ${i}`)];
      negotiations.ask(a, b);
      negotiations.answer(a.key, b);
      ids.retire(ids.create(a, b)!);
      negotiations.leave(a.id);
      negotiations.leave(b.id);
    }
  };
  live(3_000, 0); // more channels that are over than are remembered of an address
  const before = await heapBytes();
  live(12_000, 3_000);
  expect(await heapBytes(before + 1024 * 1024)).toBeLessThan(before + 1024 * 1024);
});

it('clients that come and go leave nothing behind', async () => {
  const rig = await Rig.start();
  const visit = async (): Promise<void> => {
    const peer = await RfcPeer.connect(rig.port[4]);
    await peer.login('visitor');
    peer.say('hello');
    await peer.next(3);
    peer.end();
    await peer.ended;
  };
  for (let i = 0; i < 50; i++) await visit();
  rig.log.lines.length = 0;
  const before = await heapBytes();
  for (let i = 0; i < 300; i++) await visit();
  rig.log.lines.length = 0;
  expect(await heapBytes(before + 0.75 * 1024 * 1024)).toBeLessThan(before + 0.75 * 1024 * 1024);
});
