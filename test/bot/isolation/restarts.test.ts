import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { endOf, joinAs, openChannel, plugin, startServer } from '../../support/bot-world.ts';
import { ISOLATED_TIMEOUT_MS, startIsolated } from '../../support/isolated-bots.ts';

vi.setConfig({ testTimeout: ISOLATED_TIMEOUT_MS });

const STALL_MS = 600;

const misbehaving = `
  const kept = [];
  const waitForEver = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  export function onStart(bot) {
    bot.schedule({ cron: '0 0 1 1 *', timeZone: 'UTC', name: 'walk' }, () => bot.tell('alice', 'walk'));
    bot.schedule({ cron: '0 0 2 1 *', timeZone: 'UTC' }, () => bot.tell('alice', 'nine'));
    bot.log.info('onStart');
  }
  export const schedule = { tea: { cron: '0 0 3 1 *', timeZone: 'UTC', run: (bot) => bot.tell('alice', 'tea') } };
  export const onPrivateRequest = () => true;
  export const onChannel = (channel) => void channel.pipe(channel);
  export async function onMessage({ text, reply }, bot) {
    if (text === 'write and exit') {
      await Promise.all(Array.from({ length: 300 }, (_, index) => bot.store.set('key' + index, 'x'.repeat(1000))));
      for (let index = 0; index < 300; index += 1) void bot.store.set('key' + index, 'y'.repeat(1000));
      for await (const [key] of bot.store.entries()) if (key === 'key200') process.exit(7);
    }
    if (text === 'read') {
      let entries = 0;
      for await (const [, value] of bot.store.entries()) if (value.length === 1000) entries += 1;
      return reply(String(entries));
    }
    if (text === 'ping') return reply('pong');
    if (text === 'block') for (;;);
    if (text === 'wait') waitForEver();
    if (text === 'wait later') return void setTimeout(waitForEver);
    if (text === 'heap') for (;;) kept.push(new Array(100_000).fill({ text }));
    if (text === 'buffers') while (kept.length < 10) {
      kept.push(Buffer.alloc(8_000_000, 1));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    if (text === 'buffers') await new Promise(() => {});
    if (text === 'exit in an update') await bot.store.update('key', () => process.exit(7));
    if (text === 'exit') process.exit(7);
  }
`;

async function world({ stallMs = STALL_MS, memoryMb = 128 } = {}) {
  const server = await startServer();
  const other = plugin('other', { onMessage: (message) => message.reply('pong') });
  const others = [{ plugin: other, server }];
  const bots = await startIsolated(
    server,
    misbehaving,
    { stallMs, memoryMb },
    { others, flood: false, loopGuard: false },
  );
  const alice = await joinAs(server, 'alice');
  await bots.log.until(/^onStart$/);
  const ping = async (bot: string): Promise<void> => {
    alice.tell(bot, 'ping');
    expect(await alice.next(4)).toMatchObject({ sender: bot, msg: 'pong' });
  };
  /** Resolves when a worker runs that is the n-th after the first. */
  const restarted = async (n: number): Promise<void> => {
    await expect.poll(() => bots.log.about(/^its worker was restarted$/).length, { timeout: 30_000 }).toBe(n);
  };
  return { ...bots, server, alice, ping, restarted };
}

describe('a plugin in a worker that', () => {
  it.each([
    ['blocks', 'block', /^the plugin blocked its worker for more than 0.6 s/, 'onMessage'],
    ['fills its heap', 'heap', /^the plugin took more than 32 MiB of memory/, 'onMessage'],
    ['fills its memory with buffers', 'buffers', /^the plugin took more than 32 MiB of memory/, 'onMessage'],
    ['ends its process', 'exit', /^the plugin ended its worker with process.exit\(7\)/, 'onMessage'],
    ['blocks after its hooks', 'wait later', /^the plugin blocked its worker/, /./],
  ])('%s is ended, which counts against it, and restarted', async (_, word, failure, hook) => {
    const { alice, log, server, ping, status, restarted } = await world(
      /memory/.test(failure.source) ? { stallMs: 30_000, memoryMb: 32 } : {},
    );
    const { half } = await openChannel(alice, server);
    half.write('hello');
    await once(half, 'data');
    const end = endOf(half);
    alice.tell('bot', word);
    expect(await end).toBe('reset');
    expect(await log.until(failure)).toMatchObject({
      level: 'error',
      message: expect.stringMatching(/its worker was ended and is restarted now$/),
      fields: { plugin: 'bot', login: 'bot', hook: expect.stringMatching(hook) },
    });
    await restarted(1);
    await ping('bot');
    expect(log.about(/^onStart$/)).toHaveLength(2);
    await expect.poll(status).toMatchObject({
      failures: 1,
      errors: [{ message: expect.stringMatching(failure) }],
      isolation: { restarts: 1, running: true },
    });
    const jobs = (): string[] => status().jobs.map(({ name }) => name);
    await expect.poll(() => jobs().toSorted()).toEqual(['0 0 2 1 * UTC', 'tea', 'walk']);
  });

  it('ends again at once is restarted after a pause; what it held in the store is free again', async () => {
    const { alice, log, ping, restarted } = await world();
    for (const [round, pause] of ['now', 'in 1 s'].entries()) {
      alice.tell('bot', 'exit in an update');
      await log.until(new RegExp(`is restarted ${pause}$`));
      await restarted(round + 1);
      await ping('bot');
    }
    expect(log.about(/was ended/)).toHaveLength(2);
  });

  it('is ended is not connected in the status until the next worker has logged in', async () => {
    const { alice, log, account, restarted } = await world();
    alice.tell('bot', 'exit');
    await log.until(/is restarted now$/);
    await expect.poll(account).toMatchObject({
      state: 'connecting',
      problem: 'the plugin ended its worker with process.exit(7)',
      channels: [],
    });
    await restarted(1);
    await expect.poll(account).toMatchObject({ state: 'connected', problem: undefined });
  });

  it('writes without end into its store when it is ended harms neither the process nor the store', async () => {
    const { alice, ping, restarted } = await world();
    for (const round of [1, 2]) {
      alice.tell('bot', 'write and exit');
      await restarted(round);
      await ping('bot');
    }
    alice.tell('bot', 'read');
    expect((await alice.next(4)).msg).toBe('300');
  });

  it('blocks holds up nobody else: another bot answers as quickly as before', async () => {
    const stallMs = 1_000;
    const { alice, log, ping } = await world({ stallMs });
    const timed = async (): Promise<number> => {
      const before = performance.now();
      await ping('other');
      return performance.now() - before;
    };
    let quiet = 0;
    for (let round = 0; round < 50; round += 1) quiet = Math.max(quiet, await timed());
    alice.tell('bot', 'wait');
    let busy = 0;
    const over = new AbortController();
    const ended = log.until(/^the plugin blocked/).then(() => over.abort());
    while (!over.signal.aborted) {
      busy = Math.max(busy, await timed());
      await setTimeout(20);
    }
    await ended;
    // A blocked main thread would take as long as the watchdog does.
    expect(busy).toBeLessThan(Math.max(quiet * 2, stallMs / 3));
  });
});
