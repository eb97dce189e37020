import { once } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { FakeClock } from '../../support/bot-clock.ts';
import { endOf, joinAs, openChannel, plugin as plain, startBots, startServer } from '../../support/bot-world.ts';
import { ISOLATED_TIMEOUT_MS, loadIsolated } from '../../support/isolated-bots.ts';

vi.setConfig({ testTimeout: ISOLATED_TIMEOUT_MS });

const STALL_MS = 600;

const misbehaving = `
  let blocked = false;
  const kept = [];
  export function onStart(bot) {
    bot.schedule({ cron: '*/7 * * * *', timeZone: 'UTC', name: 'walk' }, () => bot.tell('alice', 'walk'));
    bot.schedule({ cron: '*/9 * * * *', timeZone: 'UTC' }, () => bot.tell('alice', 'nine'));
    bot.log.info('onStart');
  }
  export const schedule = { tea: { cron: '*/5 * * * *', timeZone: 'UTC', run: (bot) => bot.tell('alice', 'tea') } };
  export const onPrivateRequest = () => true;
  export const onChannel = (channel) => void channel.pipe(channel);
  export async function onMessage({ text, reply }, bot) {
    if (text === 'ping') return reply('pong');
    if (text === 'block') for (;;);
    if (text === 'block later') return void setTimeout(() => { for (;;); });
    if (text === 'heap') for (;;) kept.push(new Array(100_000).fill({ text }));
    if (text === 'buffers') for (;;) {
      kept.push(Buffer.alloc(8_000_000, 1));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    if (text === 'wait') await new Promise(() => {});
    if (text === 'exit in an update') await bot.store.update('key', () => process.exit(7));
    if (text === 'exit') process.exit(7);
  }
`;

async function world({ stallMs = STALL_MS } = {}) {
  const { plugin, log } = await loadIsolated(misbehaving, { stallMs });
  const server = await startServer();
  const clock = new FakeClock('2025-06-01T10:00:00Z');
  const other = plain('other', { onMessage: (message) => message.reply('pong') });
  const specs = [{ plugin }, { plugin: other }];
  const bots = await startBots(server, specs, { clock, log, flood: false, loopGuard: false });
  const alice = await joinAs(server, 'alice');
  await log.until(/^onStart$/);
  const ping = async (bot: string): Promise<void> => {
    alice.tell(bot, 'ping');
    expect(await alice.next(4)).toMatchObject({ sender: bot, msg: 'pong' });
  };
  return { ...bots, log, plugin, clock, server, alice, ping };
}

describe('a plugin in a worker that', () => {
  it.each([
    ['blocks', 'block', /^onMessage failed: the plugin blocked its worker for more than 0.6 s/],
    ['fills its heap', 'heap', /^onMessage failed: the plugin took more than 128 MiB of memory/],
    ['fills its memory with buffers', 'buffers', /^onMessage failed: the plugin took more than 128 MiB of memory/],
    ['ends its process', 'exit', /^onMessage failed: the plugin ended its worker with process.exit\(7\)/],
    ['blocks outside of its hooks', 'block later', /^uncaught: the plugin blocked its worker/],
  ])('%s is ended, which counts against it, and started again', async (_, word, failure) => {
    const { alice, log, server, ping, runtime, clock } = await world({
      stallMs: /memory/.test(failure.source) ? 30_000 : STALL_MS,
    });
    const { half } = await openChannel(alice, server);
    half.write('hello');
    await once(half, 'data');
    const end = endOf(half);
    alice.tell('bot', word);
    expect(await end).toBe('reset');
    expect(await log.until(failure)).toMatchObject({ level: 'error', fields: { plugin: 'bot' } });
    expect(await log.until(/its worker was ended and is started again now$/)).toMatchObject({
      fields: { plugin: 'bot' },
    });
    await ping('bot');
    expect(log.about(/^onStart$/)).toHaveLength(2);
    const status = runtime.status.accounts[0]!.plugins[0]!;
    expect(status).toMatchObject({ failures: 1, isolation: { restarts: 1, running: true } });
    expect(status.jobs.map(({ name }) => name).toSorted()).toEqual(['*/9 * * * * UTC', 'tea', 'walk']);
    clock.advance(7 * 60_000);
    const said = [await alice.next(4), await alice.next(4)].map(({ msg }) => msg);
    expect(said.toSorted()).toEqual(['tea', 'walk']);
  });

  it('ends again at once is started again after a pause; what it held in the store is free again', async () => {
    const { alice, log, ping } = await world();
    for (const [word, pause] of [
      ['exit in an update', 'now'],
      ['exit in an update', 'in 1 s'],
    ] as const) {
      alice.tell('bot', word);
      await log.until(new RegExp(`is started again ${pause}$`));
      await ping('bot');
    }
    expect(log.about(/^its worker was started again$/)).toHaveLength(2);
  });

  it('ends too often is suspended', async () => {
    const { alice, log, server } = await world();
    const others = await Promise.all(['b1', 'b2', 'b3', 'b4'].map((login) => joinAs(server, login)));
    for (const peer of others) peer.tell('bot', 'wait');
    alice.tell('bot', 'block');
    expect(await log.until(/^suspended/)).toMatchObject({ fields: { plugin: 'bot' } });
  });

  it('blocks holds up nobody else: another bot answers as quickly as before', async () => {
    const stallMs = 2_000;
    const { alice, log, ping } = await world({ stallMs });
    const measure = async (rounds: number): Promise<number> => {
      const times: number[] = [];
      for (let round = 0; round < rounds; round += 1) {
        const before = performance.now();
        await ping('other');
        times.push(performance.now() - before);
      }
      return times.toSorted((one, two) => one - two)[Math.floor(rounds * 0.99)]!;
    };
    await measure(50);
    const quiet = await measure(200);
    alice.tell('bot', 'block');
    let busy = 0;
    let rounds = 0;
    const ended = log.until(/^onMessage failed: the plugin blocked/).then(() => (rounds = Infinity));
    for (; rounds < Infinity; rounds += 1) busy = Math.max(busy, await measure(100));
    await ended;
    // A blocked main thread would take as long as the watchdog does.
    expect(busy).toBeLessThan(Math.max(quiet * 10, stallMs / 4));
  });
});
