/** When a supervisor restarts its worker, and how long it waits for one: with workers that a test ends. */
import { beforeEach, expect, it, vi } from 'vitest';
import { WorkerEndedError } from '../../../src/bot/isolation/bot-worker.ts';
import { IsolatedBot } from '../../../src/bot/isolation/isolated-bot.ts';
import { IsolatedStatus, unknownStatus } from '../../../src/bot/isolation/isolated-status.ts';
import type { SharedServices, WorkerBotStart } from '../../../src/bot/runtime-options.ts';
import type { PluginError } from '../../../src/bot/status.ts';
import { withResolvers } from '../../../src/util/deferred.ts';
import { MemoryLog } from '../../support/bot-log.ts';

type End = { readonly reason: string; readonly call: undefined };

const workers: FakeWorker[] = [];
/** Calls that a worker does not answer. */
const silent = new Set<string>();

class FakeWorker {
  readonly host = { channelsClosed: () => Promise.resolve(), channelCount: 0, abort: () => undefined };
  readonly #end = withResolvers<End>();
  readonly ended = this.#end.promise;

  constructor() {
    workers.push(this);
  }

  load(): Promise<unknown> {
    return Promise.resolve({ name: 'bot', problems: [] });
  }

  call(name: string): Promise<unknown> {
    return silent.has(name) ? new Promise(() => undefined) : Promise.resolve();
  }

  async terminate(reason: string): Promise<void> {
    this.die(reason);
    await this.ended;
  }

  die(reason = 'it died'): void {
    this.#end.resolve({ reason, call: undefined });
  }
}

vi.mock(import('../../../src/bot/isolation/bot-worker.ts'), async (original) => ({
  ...(await original()),
  BotWorker: vi.fn<() => FakeWorker>(function make() {
    return new FakeWorker();
  }) as never,
}));

beforeEach(() => {
  vi.useFakeTimers();
  workers.length = 0;
  silent.clear();
  return () => void vi.useRealTimers();
});

const START = { server: [{ transport: 'tcp', host: '127.0.0.1', port: 1, longBytes: 8 }], login: 'ann' };

async function running(): Promise<IsolatedBot> {
  const bot = new IsolatedBot({ file: 'bot.ts', options: {}, entry: new URL('file:///none'), log: new MemoryLog() });
  await bot.load();
  bot.prepare(START as object as WorkerBotStart, {} as SharedServices);
  await bot.start();
  return bot;
}

/** Ends the worker that runs, and returns after how long the next one has started, to a tenth of a second. */
async function restartMs(): Promise<number> {
  const before = workers.length;
  workers.at(-1)!.die();
  for (let ms = 0; ; ms += 100) {
    await vi.advanceTimersByTimeAsync(ms === 0 ? 1 : 100);
    if (workers.length > before) return ms;
    if (ms > 200_000) throw new Error('it was not restarted');
  }
}

it('a worker that ends again and again is restarted after longer and longer, up to a minute', async () => {
  await running();
  const pauses: number[] = [];
  for (let n = 0; n < 9; n += 1) pauses.push(await restartMs());
  expect(pauses).toEqual([0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
});

it('one that has run for a minute is restarted at once again', async () => {
  await running();
  expect([await restartMs(), await restartMs()]).toEqual([0, 1_000]);
  await vi.advanceTimersByTimeAsync(59_000);
  expect(await restartMs()).toBe(2_000);
  await vi.advanceTimersByTimeAsync(60_000);
  expect([await restartMs(), await restartMs()]).toEqual([0, 1_000]);
});

it('is not restarted when its bot has been stopped, or reloaded, meanwhile', async () => {
  const stopped = await running();
  await restartMs();
  workers.at(-1)!.die();
  await vi.advanceTimersByTimeAsync(500);
  await stopped.stop(1_000);
  expect(vi.getTimerCount()).toBe(0);
  expect(workers).toHaveLength(2);

  const reloaded = await running();
  await restartMs();
  workers.at(-1)!.die();
  await vi.advanceTimersByTimeAsync(500);
  await reloaded.load();
  expect(workers).toHaveLength(5);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(workers).toHaveLength(5);
});

it('a worker that does not stop is ended a second after its time, and one that does leaves no timer', async () => {
  const good = await running();
  await good.stop(5_000);
  expect(vi.getTimerCount()).toBe(0);

  const bad = await running();
  silent.add('stop');
  const ended = vi.fn<() => void>();
  void bad.stop(5_000).then(ended);
  await vi.advanceTimersByTimeAsync(5_999);
  expect(ended).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(ended).toHaveBeenCalled();
});

it('a worker that is to stop at once, as its bot is stopped a second time, has a second', async () => {
  const bot = await running();
  silent.add('stop');
  const ended = vi.fn<() => void>();
  void bot.stop(1_000_000).then(ended);
  await vi.advanceTimersByTimeAsync(10_000);
  void bot.stop(0);
  await vi.advanceTimersByTimeAsync(999);
  expect(ended).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(ended).toHaveBeenCalled();
});

it('one that ends while it begins is no failure of the bot', async () => {
  const bot = new IsolatedBot({ file: 'bot.ts', options: {}, entry: new URL('file:///none'), log: new MemoryLog() });
  await bot.load();
  bot.prepare(START as object as WorkerBotStart, {} as SharedServices);
  const [first] = workers;
  first!.call = () => Promise.reject(new WorkerEndedError('it died'));
  const started = bot.start();
  first!.die();
  await vi.advanceTimersByTimeAsync(1);
  await expect(started).resolves.toBeUndefined();
  expect(workers).toHaveLength(2);
});

it('a worker that has reported nothing yet is known by its plugin, its login and its server', async () => {
  const { status } = await running();
  expect(status).toMatchObject({ login: 'ann', server: 'tcp://127.0.0.1:1?longBytes=8', state: 'connecting' });
  expect(status.plugins).toMatchObject([{ name: 'bot', state: 'waiting', isolation: { running: true, restarts: 0 } }]);
});

function errorAt(ms: number): PluginError {
  return { at: new Date(ms), hook: 'onMessage', peer: undefined, message: `at ${ms}` };
}

const UNKNOWN = unknownStatus('bot', 'tcp://127.0.0.1:1', 'ann');

it('the last ten errors are in the status: those of the plugin and the ends of its workers, as they came', () => {
  const status = new IsolatedStatus();
  const errors = [errorAt(1), errorAt(14)];
  status.reported = { ...UNKNOWN, plugins: [{ ...UNKNOWN.plugins[0]!, failures: 3, errors }] };
  for (let ms = 2; ms <= 13; ms += 1) status.ended(errorAt(ms));
  status.restarts = 12;
  const [plugin] = status.read({ running: true, usedMb: 1, memoryMb: 2 }).plugins;
  expect(plugin).toMatchObject({ failures: 15, isolation: { restarts: 12 } });
  expect(plugin!.errors).toEqual(Array.from({ length: 10 }, (_, index) => errorAt(5 + index)));
});

it('one whose worker has ended is connecting since then, unless its account has ended', () => {
  const status = new IsolatedStatus();
  const read = (isRunning: boolean) => status.read({ running: isRunning, usedMb: 1, memoryMb: 2 });
  status.reported = { ...UNKNOWN, state: 'connected' };
  expect([true, false].map((isRunning) => read(isRunning).state)).toEqual(['connected', 'connected']);
  status.ended(errorAt(1));
  status.ended(errorAt(2));
  expect(read(true)).toMatchObject({ state: 'connected', problem: undefined });
  expect(read(false)).toMatchObject({ state: 'connecting', problem: 'at 2', since: new Date(2), channels: [] });
  status.reported = { ...UNKNOWN, state: 'ended' };
  expect(read(false)).toMatchObject({ state: 'ended', problem: undefined });
});
