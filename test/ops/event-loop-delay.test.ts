import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startStatusServer, type StatusServerOptions } from '../../src/ops/status-endpoint.ts';
import { MemoryLog } from '../support/bot-log.ts';

vi.mock(import('node:perf_hooks'), async (original) => {
  const module = await original();
  return { ...module, monitorEventLoopDelay: vi.fn<typeof monitorEventLoopDelay>(module.monitorEventLoopDelay) };
});

const options = (port: number): StatusServerOptions => ({
  address: { host: '127.0.0.1', port },
  runtime: { status: { startedAt: new Date(), accounts: [] } },
  log: new MemoryLog(),
});

/** Ends what is still measured; returns for each whether there was something to end. */
const endAll = (): boolean[] =>
  vi.mocked(monitorEventLoopDelay).mock.results.map(({ value }) => (value as IntervalHistogram).disable());

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => {
  vi.useRealTimers();
  vi.mocked(monitorEventLoopDelay).mockClear();
});

test('a status endpoint that is closed measures nothing more', async () => {
  const server = await startStatusServer(options(0));
  await server.close();
  expect(endAll()).toEqual([false, false, false]);
  expect(vi.getTimerCount()).toBe(0);
});

test('a status endpoint that cannot listen measures nothing more', async () => {
  const server = await startStatusServer(options(0));
  const { port } = new URL(server.url);
  vi.mocked(monitorEventLoopDelay).mockClear();
  const before = vi.getTimerCount();
  await expect(startStatusServer(options(Number(port)))).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
  expect(vi.getTimerCount()).toBe(before);
  expect(endAll()).toEqual([false, false, false]);
  await server.close();
});
