import { describe, expect, it } from 'vitest';
import type { BotPlugin } from '../../../src/bot/plugin/plugin.ts';
import type { RuntimeOptions } from '../../../src/bot/runtime-options.ts';
import type { Address } from '../../../src/net/address.ts';
import { joinAs, plugin, startBots, startServer } from '../../support/bot-world.ts';

const echo: BotPlugin = { onMessage: (message) => message.reply(message.text) };

/** Bots, each with a runtime of its own, and all that is said on the server in public. */
async function bots(server: Address, specs: Record<string, BotPlugin>, options: RuntimeOptions = {}) {
  const runtimes = await Promise.all(
    Object.entries(specs).map(([name, parts]) => startBots(server, [{ plugin: plugin(name, parts) }], options)),
  );
  const messages = () => runtimes.map(({ runtime }) => runtime.status.accounts[0]!.messages);
  return {
    runtimes,
    /** Resolves when nobody has said anything for a while: how much was said. */
    silence: async (): Promise<number> => {
      for (let before = -1; ;) {
        const now = messages().reduce((sum, { sent, heard, waiting }) => sum + sent + heard + waiting, 0);
        if (now === before && messages().every(({ waiting }) => waiting === 0)) break;
        before = now;
        // Longer than the flood limits hold a message back.
        await new Promise((resolve) => setTimeout(resolve, 400));
      }
      return messages().reduce((sum, { sent }) => sum + sent, 0);
    },
  };
}

describe('bots that answer each other', () => {
  it('in private fall silent', async () => {
    const server = await startServer();
    const relay = (to: string): BotPlugin => ({ onMessage: ({ text }, ctx) => ctx.tell(to, text) });
    const { silence, runtimes } = await bots(server, { one: relay('two'), two: relay('one') });
    const alice = await joinAs(server, 'alice');
    alice.tell('one', 'hello');
    expect(await silence()).toBeLessThan(40);
    expect(runtimes.some(({ log }) => log.about(/seems to be a bot/).length === 1)).toBe(true);
    expect(runtimes.some(({ runtime }) => runtime.status.accounts[0]!.muted.length === 1)).toBe(true);
  });

  it('in public fall silent', async () => {
    const server = await startServer();
    const { silence } = await bots(server, { one: echo, two: echo });
    const alice = await joinAs(server, 'alice');
    alice.say('hello');
    expect(await silence()).toBeLessThan(60);
  });

  it('three in a ring fall silent, in public and in private', async () => {
    const server = await startServer();
    const { silence } = await bots(server, { one: echo, two: echo, three: echo });
    const alice = await joinAs(server, 'alice');
    alice.say('hello');
    expect(await silence()).toBeLessThan(200);
    const ring = await startServer();
    const passing = (to: string): BotPlugin => ({ onMessage: ({ text }, ctx) => ctx.tell(to, text) });
    const private3 = await bots(ring, { one: passing('two'), two: passing('three'), three: passing('one') });
    (await joinAs(ring, 'alice')).tell('one', 'hello');
    expect(await private3.silence()).toBeLessThan(60);
  });

  it('stop answering a naive echo', async () => {
    const server = await startServer();
    const { runtimes, silence } = await bots(server, { bot: echo });
    const naive = await joinAs(server, 'naive');
    const echoing = (async () => {
      for (;;) naive.tell('bot', (await naive.next(4, { timeoutMs: 3_000 })).msg);
    })().catch(() => 'silent');
    naive.tell('bot', 'hello');
    expect(await echoing).toBe('silent');
    expect(await silence()).toBeLessThan(20);
    expect(runtimes[0]!.log.about(/naive seems to be a bot/)).toHaveLength(1);
  });
});

describe('who is no bot', () => {
  it('may say fifty lines at once, in one piece or one by one', async () => {
    const server = await startServer();
    const heard: string[] = [];
    const bot: BotPlugin = { onMessage: (message) => (heard.push(message.text), message.reply(message.text)) };
    // The guard alone: the flood limits would only make it longer.
    const { runtimes } = await bots(server, { bot }, { flood: false });
    const alice = await joinAs(server, 'alice');
    for (let i = 0; i < 50; i += 1) alice.tell('bot', `line ${i}`);
    await expect.poll(() => heard.length).toBe(50);
    const bob = await joinAs(server, 'bob');
    for (let i = 0; i < 50; i += 1) {
      bob.tell('bot', `line ${i}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await expect.poll(() => heard.length).toBe(100);
    expect(runtimes[0]!.log.about(/seems to be a bot/)).toEqual([]);
  });
});
