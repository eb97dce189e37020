/** Three nodes race for logins, while nodes and NATS are killed, stopped, and started again with and without data. */
import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import { steadyNowMs } from '../../../src/cluster/lease-clock.ts';
import { NatsServer, NO_NATS, stop } from '../../support/nats-server.ts';
import { joinWithLogins, SECRET, startNodeProcess } from '../../support/nats-nodes.ts';

const MINUTES = Number(process.env['CHATOSBOT_CHAOS_MINUTES'] ?? 0.2);
const SEED = Number(process.env['CHATOSBOT_CHAOS_SEED'] ?? 1);
const TTL_MS = 1_500;
/** The short form has the same faults, and fewer logins. */
const REST_MS = MINUTES > 0.2 ? '30' : '120';
/** Some look like others. */
const LOGINS = ['alice', 'Alice', 'bob', 'b0b', 'lan', 'IAN', 'ian', 'carol', 'dave', 'eve'];
const GROUPS = ['alice,Alice', 'bob,b0b', 'lan,IAN', 'IAN,ian', 'carol', 'dave', 'eve'].map((each) => each.split(','));

interface Had {
  readonly login: string;
  readonly id: string;
  readonly node: string;
  readonly from: number;
  to: number;
}

/** Numbers from 0 to 1 that are the same again for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test.skipIf(NO_NATS)(
  'no login is ever that of two sessions, and none is stuck when nodes and NATS fail (where NATS is installed)',
  async () => {
    const random = randomFrom(SEED);
    const server = await NatsServer.start();
    onTestFinished(() => server.remove());
    const had = new Map<string, Had>();
    const counts: Record<string, number> = { fenced: 0 };
    const nodes = new Map<string, ChildProcess>();
    const start = async (node: string): Promise<void> => {
      const args = [server.url, node, String(TTL_MS), SECRET.toString(), LOGINS.join(','), REST_MS];
      const child = await startNodeProcess('../cluster/nats/registry-chaos-process.ts', args);
      nodes.set(node, child);
      child.on('message', (message: Had & { readonly is: string }) => {
        const { is, login, id, from, to } = message;
        if (is === 'had') had.set(id, { login, id, node, from, to });
        else if (is === 'fenced') counts['fenced']! += 1;
      });
    };
    const names = ['a', 'b', 'c'];
    await Promise.all(names.map(start));

    const nodeFaults: Record<string, (node: string) => Promise<void>> = {
      'node stopped': async (node) => {
        await stop(nodes.get(node)!);
        await pause(TTL_MS * (0.5 + 1.5 * random()));
        nodes.get(node)!.kill('SIGCONT');
      },
      'node killed': async (node) => {
        const child = nodes.get(node)!;
        child.kill('SIGKILL');
        await once(child, 'exit');
        const killedAt = steadyNowMs();
        for (const each of had.values()) if (each.node === node) each.to = Math.min(each.to, killedAt);
        await start(node);
      },
    };
    const brokerFaults: Record<string, () => Promise<void>> = {
      'NATS killed': async () => {
        await server.kill();
        await pause(random() * TTL_MS);
        await server.start();
      },
      'NATS stopped': async () => {
        await server.pause();
        await pause(TTL_MS * 1.5 * random());
        server.resume();
      },
      'NATS without its data': async () => {
        await server.kill();
        server.forget();
        await server.start();
      },
    };
    const until = performance.now() + MINUTES * 60_000;
    while (performance.now() < until) {
      await pause(300 + random() * 700);
      const all = [...Object.keys(nodeFaults), ...Object.keys(brokerFaults)];
      const fault = all[Math.floor(random() * all.length)]!;
      counts[fault] = (counts[fault] ?? 0) + 1;
      await (nodeFaults[fault]?.(names[Math.floor(random() * names.length)]!) ?? brokerFaults[fault]!());
    }

    // All is well again: each node has each login within a lease, and the time that new data takes.
    const endedAt = steadyNowMs();
    const lacking = (): string[] =>
      LOGINS.filter((login) => ![...had.values()].some((each) => each.login === login && each.from > endedAt));
    await expect.poll(lacking, { timeout: 3 * TTL_MS + 5_000 }).toEqual([]);
    const ended = Promise.all([...nodes.values()].map((child) => once(child, 'exit')));
    for (const child of nodes.values()) child.send('end');
    await ended;

    const overlaps: string[] = [];
    for (const group of GROUPS) {
      const sorted = [...had.values()]
        .filter(({ login, from, to }) => group.includes(login) && to > from)
        .toSorted((one, other) => one.from - other.from);
      for (const [i, each] of sorted.entries()) {
        const next = sorted[i + 1];
        if (next && next.from < each.to) overlaps.push(`${JSON.stringify(each)} and ${JSON.stringify(next)}`);
      }
    }
    process.stderr.write(`logins granted: ${had.size}, ${JSON.stringify(counts)}, seed ${SEED}\n`);
    expect(overlaps).toEqual([]);
    expect(had.size).toBeGreaterThan(100);

    // Nothing is left of those who have gone.
    const { data } = (await joinWithLogins(server, 'last', { leaseTtlMs: TTL_MS })).membership;
    const left = async (): Promise<number> => {
      let count = 0;
      for await (const record of data.logins.records()) count += record ? 1 : 0;
      return count;
    };
    await expect.poll(left).toBe(0);
  },
  MINUTES * 60_000 + 120_000,
);
