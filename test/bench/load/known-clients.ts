// What is kept of clients that are with another process, and of their logins, in a process of its own.
import { deserialize, serialize } from 'node:v8';
import { Registry, type Holder } from '../../../src/cluster/workers/registry.ts';
import { RemoteClient } from '../../../src/cluster/workers/remote-client.ts';
import type { Peer } from '../../../src/cluster/workers/peer.ts';
import { WorkerDirectory, type RegistryAccess } from '../../../src/cluster/workers/worker-directory.ts';
import type { SentClient } from '../../../src/cluster/workers/link.ts';
import type { Claim } from '../../../src/server/directory.ts';
import { heapBytes } from '../../support/heap.ts';
import { answerCalls } from './load-process.ts';

export type KnownClients = typeof calls;

const calls = {
  /** Bytes of heap for each of so many. */
  async heapOf(count: number): Promise<{ known: number; registered: number }> {
    const directory = new WorkerDirectory({} as RegistryAccess);
    const before = await heapBytes();
    for (let i = 0; i < count; i++) {
      directory.addElsewhere(new RemoteClient(received<SentClient>(clientOf(i)), {} as Peer), i);
    }
    const between = await heapBytes();
    const registry = new Registry(0);
    const holder: Holder = { ending: undefined, endGhost: () => Promise.resolve() };
    for (let i = 0; i < count; i++) {
      const { id, login, key, remoteAddress: source } = clientOf(i);
      await registry.claim(received<Claim>({ id, login, key, skeletons: [login], source }), holder);
    }
    const after = await heapBytes();
    if (!directory.find('user-1') || registry.size !== count) throw new Error('they are not kept');
    return { known: (between - before) / count, registered: (after - between) / count };
  },
};

function clientOf(i: number): SentClient {
  const login = `user-${i}`;
  const remoteAddress = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
  const id = String(i * 1_000 + 1);
  return { id, login, key: login, remoteAddress, fingerprint: undefined, longBytes: 4, encrypted: false };
}

/** As it comes from another process. */
function received<T>(sent: T): T {
  return deserialize(serialize(sent)) as T;
}

answerCalls(calls);
