import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { LocalNodes } from '../../../src/cli/running/local-nodes.ts';
import { withResolvers } from '../../../src/util/deferred.ts';
import { within } from '../../support/server-sockets.ts';

/** A file that a node runs. */
function programOf(text: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-nodes-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const program = path.join(folder, 'node.cjs');
  writeFileSync(program, `${text}\nsetInterval(() => {}, 60_000);`);
  return program;
}

it('a node that ends is started again after half a second, then twice that; where all stop, none is', async () => {
  const program = programOf("console.error('listening on tcp://127.0.0.1:1');");
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

it('where they are asked to stop while the first one starts, the others are not started', async () => {
  const program = programOf(`process.once('SIGTERM', () => {
  console.error('listening on tcp://127.0.0.1:1');
  setTimeout(() => process.exit(), 100);
});
console.error('up');`);
  const begun = withResolvers<void>();
  const lines: string[] = [];
  const nodes = new LocalNodes({
    nodes: [
      { node: 'one', args: [] },
      { node: 'two', args: [] },
    ],
    program,
    onLine: (node, line) => {
      lines.push(`${node}: ${line}`);
      begun.resolve();
    },
    announce: (line) => void lines.push(line),
  });
  onTestFinished(() => nodes.signal('SIGKILL'));
  const started = nodes.start();
  await begun.promise;
  await within(nodes.stop('SIGTERM'), 'the end of all nodes');
  expect(await started).toBeUndefined();
  expect(lines).toEqual(['one: up', 'one: listening on tcp://127.0.0.1:1']);
});
