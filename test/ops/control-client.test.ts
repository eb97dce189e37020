import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { askControl } from '../../src/ops/control-client.ts';

async function listen() {
  const folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-control-'));
  const file = path.join(folder, 'c.sock');
  const server = createServer().listen(file);
  await once(server, 'listening');
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => {
    vi.useRealTimers();
    server.close();
    rmSync(folder, { recursive: true });
  });
  return { file, accepted: once(server, 'connection') as Promise<[Socket]> };
}

it('an answer may take longer than the time-out in all, as long as lines come', async () => {
  const { file, accepted } = await listen();
  const lines = askControl(file, { command: 'sessions' }, { timeoutMs: 10_000 });
  const first = lines.next();
  const [socket] = await accepted;
  socket.write('{"type":"one"}\n');
  await expect(first).resolves.toMatchObject({ value: { type: 'one' } });
  vi.advanceTimersByTime(6_000);
  socket.write('{"type":"two"}\n');
  await expect(lines.next()).resolves.toMatchObject({ value: { type: 'two' } });
  vi.advanceTimersByTime(6_000);
  socket.write('{"type":"three"}\n');
  await expect(lines.next()).resolves.toMatchObject({ value: { type: 'three' } });
  vi.advanceTimersByTime(11_000);
  await expect(lines.next()).rejects.toMatchObject({ code: 'TIMED_OUT' });
});

it('an answer that has ended leaves no time limit behind', async () => {
  const { file, accepted } = await listen();
  const first = askControl(file, { command: 'sessions' }, { timeoutMs: 10_000 }).next();
  const [socket] = await accepted;
  socket.write('{"type":"end"}\n');
  await expect(first).resolves.toMatchObject({ done: true });
  expect(vi.getTimerCount()).toBe(0);
});
