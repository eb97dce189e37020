import { describe, expect, it } from 'vitest';
import type { BotPlugin } from '../../src/bot/plugin/plugin.ts';
import type { BotEntry } from '../../src/bot/runtime-options.ts';
import { BotRuntime } from '../../src/bot/runtime.ts';
import type { Address } from '../../src/net/address.ts';
import { FakeClock } from '../support/bot-clock.ts';
import { tempDirectory } from '../support/bot-files.ts';
import { MemoryLog } from '../support/bot-log.ts';
import { startProxy } from '../support/bot-proxy.ts';
import { joinAs, plugin, startServer } from '../support/bot-world.ts';
import { issue, type Issued } from '../support/issued.ts';
import { onTestFinished } from 'vitest';

const echo: BotPlugin = {
  onMessage: (message, ctx) => message.reply(`${ctx.login} on ${ctx.server}: ${message.text}`),
};

async function runtimeOf(entries: readonly BotEntry[], clock?: FakeClock) {
  const log = new MemoryLog();
  const runtime = new BotRuntime(entries, { log, stateDirectory: await tempDirectory(), ...(clock && { clock }) });
  onTestFinished(() => runtime.stop({ timeoutMs: 0 }));
  await runtime.start();
  return { runtime, log };
}

const url = ({ port }: Address): string => `tcp://127.0.0.1:${port}`;

describe('accounts on several servers', () => {
  it('are one runtime, each on its own', async () => {
    const [here, there] = [await startServer(), await startServer(8)];
    const bot = plugin('bot', echo);
    const { runtime } = await runtimeOf([
      { plugin: bot, server: here },
      { plugin: bot, server: there },
      { plugin: bot, server: here, login: 'second' },
    ]);
    for (const [server, login] of [
      [here, 'bot'],
      [there, 'bot'],
      [here, 'second'],
    ] as const) {
      const peer = await joinAs(server, `to-${login}`);
      peer.tell(login, 'hi');
      expect((await peer.next(4)).msg).toContain(`${login} on ${url(server)}`);
    }
    expect(runtime.status.accounts.map(({ login, state }) => [login, state])).toEqual([
      ['bot', 'connected'],
      ['bot', 'connected'],
      ['second', 'connected'],
    ]);
  });

  it('go on where one gives up, which stops its plugins', async () => {
    const [here, there] = [await startServer(), await startServer()];
    const proxy = await startProxy(here);
    const clock = new FakeClock('2025-06-01T10:00:00Z');
    let stops = 0;
    const runs: string[] = [];
    const lost: BotPlugin = {
      onStop: () => void (stops += 1),
      schedule: { job: { cron: '* * * * *', run: (ctx) => (runs.push(ctx.name), ctx.say('tick')) } },
    };
    const { runtime, log } = await runtimeOf(
      [
        { plugin: plugin('lost', lost), server: proxy.address },
        { plugin: plugin('bot', echo), server: there },
      ],
      clock,
    );
    await expect.poll(() => runtime.status.accounts[0]!.plugins[0]!.jobs.length).toBe(1);
    let failed = false;
    void runtime.failed.then(() => (failed = true));
    // Somebody takes the login; it is not taken for the bot's own old session for ever.
    const now = performance.now.bind(performance);
    onTestFinished(() => void (performance.now = now));
    await proxy.cutSessions();
    const taker = await joinAs(here, 'lost');
    await log.until(/retrying/);
    performance.now = () => now() + 600_000;
    await log.until(/account ended/);
    performance.now = now;
    await expect.poll(() => stops).toBe(1);
    expect(runtime.status.accounts.map(({ state }) => state)).toEqual(['ended', 'connected']);
    clock.advance(300_000);
    await new Promise(setImmediate);
    expect(runs).toEqual([]);
    const alice = await joinAs(there, 'alice');
    alice.tell('bot', 'hi');
    expect((await alice.next(4)).msg).toContain('hi');
    expect(failed).toBe(false);
    taker.destroy();
    await runtime.stop();
    expect(stops).toBe(1);
  });

  it('keep the stores of entries apart, also of one plugin with one login', async () => {
    const [here, there] = [await startServer(), await startServer()];
    const seen: unknown[] = [];
    const counting = plugin('bot', {
      async onStart(ctx) {
        await ctx.store.update<number>('count', (old = 0) => old + 1);
        seen.push(await ctx.store.get('count'));
      },
    });
    const entries = [here, here, there].map((server) => ({ plugin: counting, server }));
    const { log } = await runtimeOf(entries);
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual([1, 1, 1]);
    expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe('bots that share a session', () => {
  it('need the same identity, as one session shows one certificate', async () => {
    const server = { ...(await startServer()), transport: 'tls' } as const;
    const [one, other] = await Promise.all([issue(), issue()]);
    const entry = (name: string, { cert, key }: Issued): BotEntry => ({
      plugin: plugin(name, echo),
      server,
      login: 'shared',
      identity: { cert, key },
    });
    expect(() => new BotRuntime([entry('a', one), entry('b', other)])).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining("login 'shared'") as string,
      }),
    );
    expect(() => new BotRuntime([entry('a', one), entry('b', one)])).not.toThrow();
  });
});
