import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { LocalNodes } from '../../../src/cli/running/local-nodes.ts';

it('a node that ends is started again after half a second, then twice that; where all stop, none is', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-nodes-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const program = path.join(folder, 'node.cjs');
  writeFileSync(program, "console.error('listening on tcp://127.0.0.1:1');\nsetInterval(() => {}, 60_000);");
  const seen: string[] = [];
  let noticed = (): void => undefined;
  const see = (text: string): void => {
    seen.push(text);
    noticed();
  };
  const nodes = new LocalNodes({
    nodes: [{ node: 'one', args: [] }],
    program,
    onLine: () => see('begun'),
    announce: see,
  });
  const next = async (): Promise<string[]> => {
    while (seen.length === 0) await new Promise<void>((resolve) => (noticed = resolve));
    return seen.splice(0);
  };
  expect(await nodes.start()).toBeUndefined();
  onTestFinished(() => nodes.stop('SIGKILL'));
  expect(await next()).toEqual(['begun']);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  for (const pauseMs of [500, 1_000, 2_000]) {
    nodes.signal('SIGKILL');
    expect(await next()).toEqual(['one has ended (SIGKILL): it is started again']);
    vi.advanceTimersByTime(pauseMs - 1);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(1);
    expect(vi.getTimerCount()).toBe(0);
    expect(await next()).toEqual(['begun']);
  }
  expect(nodes.addresses).toBe('tcp://127.0.0.1:1');
  nodes.signal('SIGKILL');
  await next();
  await nodes.stop('SIGTERM');
  expect(vi.getTimerCount()).toBe(0);
});
