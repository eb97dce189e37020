import { expect, test, vi } from 'vitest';
import { ownPort } from '../support/own-port.ts';
import { labFile, start } from './chatosbot.ts';
import { peer } from './peers.ts';
import { stalledOutput } from './stalled-pipe.ts';

const MIB = 1024 * 1024;
/** What `serve` and `run` may take to end on SIGTERM. */
const END_MS = 5_000;

/** Prints 100 MB in small lines when it is asked to, and says when it has. */
const NOISY = `export default { onMessage: async (message, ctx) => {
  for (let i = 0; i < 1_000_000; i++) console.error('x'.repeat(100));
  await ctx.say('printed');
} };`;

async function startNoisy(args: readonly string[] = []) {
  const file = labFile('noisy.mjs', NOISY);
  const command = start(['run', file, '--embedded', '--listen', '127.0.0.1:0', ...args]);
  const { input } = await command.line(/listening on/);
  const port = Number(/tcp:\/\/127\.0\.0\.1:(\d+)/.exec(input)![1]);
  await command.line(/logged in as/);
  const alice = await peer(port, 'alice');
  command.stallErrors();
  alice.say('print');
  for (;;) {
    const { msg } = (await alice.next(3)) as { msg: string };
    if (msg === 'printed') return command;
  }
}

test('serve goes on, and ends on SIGTERM, where the reader of its log has stalled', async () => {
  const port = await ownPort();
  const serve = start(['serve', '--listen', `127.0.0.1:${port}`], { errors: stalledOutput('serve-log') });
  const alice = await vi.waitUntil(() => peer(port, 'alice').catch(() => undefined), 20_000);
  alice.say('hello');
  await alice.next(3);
  serve.kill('SIGTERM');
  expect(await serve.exit(END_MS)).toMatchObject({ status: 0 });
});

test('run stays small where the reader of its log has stalled, and ends on SIGTERM', async () => {
  const run = await startNoisy();
  expect(run.peakMemory()).toBeLessThan(200 * MIB);
  run.kill('SIGTERM');
  await vi.waitUntil(() => !run.isRunning, END_MS);
});

test.each([
  [[], /^chatosbot: (\d+) lines of the log were lost: they could not be written$/],
  [['--log-format', 'json'], /^\{"time":"[^"]+","level":"warn","message":"\d+ lines [^"]+","lost":(\d+)\}$/],
])('run says how many lines were lost when its log is read again, and goes on %j', async (args, expected) => {
  const run = await startNoisy(args);
  run.resumeErrors();
  const [, lost] = await run.line(expected);
  run.kill('SIGTERM');
  const { status, stderr } = await run.exit();
  expect(status).toBe(0);
  expect(stderr).toContain('stopped');
  expect(stderr.split('\n').filter((line) => expected.test(line))).toHaveLength(1);
  const read = stderr.split('\n').filter((line) => line === 'x'.repeat(100)).length;
  expect(read + Number(lost)).toBe(1_000_000);
});
