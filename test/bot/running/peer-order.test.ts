import { describe, expect, it } from 'vitest';
import { PeerQueues } from '../../../src/bot/running/peer-queues.ts';
import type { BotPlugin } from '../../../src/bot/plugin/plugin.ts';
import { joinAs, signalled, startBot, startServer } from '../../support/bot-world.ts';
import { heapBytes } from '../../support/heap.ts';

describe('messages', () => {
  it('of one peer are handled one after the other, of several side by side', async () => {
    const release = signalled();
    const done: string[] = [];
    const bobDone = signalled();
    const hooks: BotPlugin = {
      async onMessage({ from, text }) {
        if (text === 'slow') await release.promise;
        done.push(`${from} ${text}`);
        if (from === 'bob') bobDone.resolve();
        if (text === 'last') await Promise.resolve();
      },
    };
    const server = await startServer();
    await startBot(server, hooks);
    const [alice, bob] = [await joinAs(server, 'alice'), await joinAs(server, 'bob')];
    for (const text of ['slow', 'quick', 'last']) alice.tell('bot', text);
    bob.tell('bot', 'hello');
    await bobDone.promise;
    expect(done).toEqual(['bob hello']);
    release.resolve();
    await expect.poll(() => done).toEqual(['bob hello', 'alice slow', 'alice quick', 'alice last']);
  });

  it('beyond what may wait are left out, and that is told once', async () => {
    const release = signalled();
    const begun = signalled();
    const handled: string[] = [];
    const hooks: BotPlugin = {
      async onMessage({ text }) {
        begun.resolve();
        await release.promise;
        handled.push(text);
      },
    };
    const server = await startServer();
    const { log, runtime } = await startBot(server, hooks);
    const alice = await joinAs(server, 'alice');
    for (let i = 0; i < 150; i += 1) alice.tell('bot', `${i}`);
    await begun.promise;
    const status = () => runtime.status.accounts[0]!;
    await expect.poll(() => status().messages.heard).toBe(150);
    expect(status().plugins[0]!.skipped).toBe(49);
    release.resolve();
    await expect.poll(() => handled).toEqual(Array.from({ length: 101 }, (_, i) => `${i}`));
    for (let i = 0; i < 150; i += 1) alice.tell('bot', `${i}`);
    await expect.poll(() => status().messages.heard).toBe(300);
    expect(log.about(/too many calls/)).toHaveLength(1);
  });
});

describe('PeerQueues', () => {
  it('bounds what waits for all peers together', async () => {
    const release = signalled();
    let performed = 0;
    const queues = new PeerQueues();
    const task = async (): Promise<void> => {
      await release.promise;
      performed += 1;
    };
    let taken = 0;
    for (let peer = 0; peer < 200; peer += 1) {
      for (let i = 0; i < 101; i += 1) if (queues.run(`peer ${peer}`, task)) taken += 1;
    }
    expect(taken).toBe(200 + 10_000);
    release.resolve();
    await queues.emptied();
    expect(performed).toBe(taken);
    expect(queues.run('peer 0', task)).toBe(true);
  });

  it('counts what waits, not what has waited', async () => {
    const queues = new PeerQueues();
    let performed = 0;
    const task = (): Promise<void> => Promise.resolve(void (performed += 1));
    for (let round = 0; round < 240; round += 1) {
      for (let i = 0; i < 101; i += 1) queues.run('alice', task);
      if (round >= 120) queues.clear();
      await queues.emptied();
    }
    expect(performed).toBe(120 * 101 + 120);
    for (let i = 0; i < 101; i += 1) expect(queues.run('bob', task)).toBe(true);
    await queues.emptied();
    const before = await heapBytes();
    for (let i = 0; i < 30_000; i += 1) {
      queues.run(`peer ${i}`, task);
      if (i % 100 === 0) await queues.emptied();
    }
    await queues.emptied();
    expect(await heapBytes(before + 2 * 1024 * 1024)).toBeLessThan(before + 2 * 1024 * 1024);
  });

  it('forgets what has not begun', async () => {
    const release = signalled();
    const performed: string[] = [];
    const queues = new PeerQueues();
    const run = (peer: string, name: string): void => {
      queues.run(peer, async () => {
        performed.push(name);
        await release.promise;
      });
    };
    for (const name of ['a1', 'a2', 'a3']) run('a', name);
    for (const name of ['b1', 'b2']) run('b', name);
    queues.clear();
    release.resolve();
    await queues.emptied();
    expect(performed).toEqual(['a1', 'b1']);
  });
});
