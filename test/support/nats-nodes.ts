/** Nodes of a cluster, as far as NATS knows them. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';
import { bundled } from './bundled.ts';
import { Broker } from '../../src/cluster/nats/broker.ts';
import { NatsMembership } from '../../src/cluster/nats/nats-membership.ts';
import { NatsRegistry } from '../../src/cluster/nats/nats-registry.ts';
import { NodeAsking } from '../../src/cluster/nats/node-asking.ts';
import { Seal } from '../../src/cluster/nats/seal.ts';
import { withResolvers } from '../../src/util/deferred.ts';
import { NatsServer } from './nats-server.ts';

export const SECRET = Buffer.from('a secret of a cluster');
/** Long enough for a busy machine to renew it. */
export const LEASE_TTL_MS = 3_000;

/** A NATS server for the test. */
export async function startNats(): Promise<NatsServer> {
  const server = await NatsServer.start();
  onTestFinished(() => server.remove());
  return server;
}

/** A test asks NATS for answers within a part of a short lease, which a busy machine does not always give: asks again then. */
async function connectPatiently(url: string, node: string, answerMs: number): Promise<Broker> {
  let isOver = false;
  onTestFinished(() => void (isOver = true));
  for (;;) {
    try {
      return await Broker.connect({ servers: [url] }, node, answerMs);
    } catch (error) {
      const { cause } = error as Error;
      if (isOver || !(cause instanceof Error) || cause.name !== 'TimeoutError') throw error;
    }
  }
}

/** A node in this process. It leaves at the end of the test. */
export async function joinCluster(
  { url }: Pick<NatsServer, 'url'>,
  node: string,
  { leaseTtlMs = LEASE_TTL_MS, secret = SECRET, onWaiting = undefined as ((why: string) => void) | undefined } = {},
): Promise<NatsMembership> {
  const broker = await connectPatiently(url, node, leaseTtlMs / 5);
  onTestFinished(() => broker.close());
  const options = { node, peer: '127.0.0.1:7000', leaseTtlMs, onWaiting };
  const membership = await NatsMembership.join(broker, new Seal(secret), options);
  onTestFinished(() => membership.leave());
  return membership;
}

/** A node that grants logins, and what it asks others by. */
export async function joinWithLogins(
  server: Pick<NatsServer, 'url'>,
  node: string,
  { holdMs = 0, claimTimeoutMs = 5_000, leaseTtlMs = LEASE_TTL_MS } = {},
): Promise<{ readonly membership: NatsMembership; readonly registry: NatsRegistry; readonly asking: NodeAsking }> {
  const membership = await joinCluster(server, node, { leaseTtlMs });
  const asking = new NodeAsking(membership, new Seal(SECRET));
  const registry = new NatsRegistry(membership, asking, { holdMs, claimTimeoutMs });
  onTestFinished(() => registry.close());
  return { membership, registry, asking };
}

/** A process of a test, which says what happens to it by messages. */
export async function startNodeProcess(file: string, args: readonly string[]): Promise<ChildProcess> {
  const child = fork(await bundled(new URL(file, import.meta.url)), args);
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'message');
  return child;
}

/** Puts wait until they are let through; `reached` resolves when the first one does. */
export function holdPuts({ logins }: NatsMembership['data']): { readonly reached: Promise<void>; letThrough(): void } {
  const put = logins.put.bind(logins);
  const [reached, open] = [withResolvers<void>(), withResolvers<void>()];
  logins.put = async (...of) => {
    reached.resolve();
    await open.promise;
    return put(...of);
  };
  return {
    reached: reached.promise,
    letThrough: () => {
      logins.put = put;
      open.resolve();
    },
  };
}
