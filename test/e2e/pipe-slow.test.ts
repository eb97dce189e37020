import { beforeAll, expect, test } from 'vitest';
import { shell } from './chatosbot.ts';
import { runShared } from './shared-process.ts';
import { sharedServer } from './shared-server.ts';

let at: string;
const env = (): { env: Record<string, string> } => ({ env: { CHATOSBOT_SERVER: at } });

beforeAll(async () => {
  ({ at } = await sharedServer());
});

/** A listener whose output is slow, and a sender of so many bytes. */
async function slowly(login: string, listening: string, sending: readonly string[], bytes: number) {
  const receiver = shell(`chatosbot pipe --listen --login ${login} ${listening} </dev/null | wc -c`, env());
  await receiver.line(/waiting for a private connection/);
  const input = new Uint8Array(bytes);
  const sender = runShared(['pipe', '-q', login, ...sending], { ...env(), input });
  const [received, sent] = await Promise.all([receiver.exit(), sender]);
  return { status: sent.status, stderr: sent.stderr, received: received.stdout.trim() };
}

test('--idle-timeout of a slow receiver lets a large chunk take its time', async () => {
  const done = await slowly('slow', '--limit-rate 60k --idle-timeout 0.6', [], 90_000);
  expect(done).toEqual({ status: 0, stderr: '', received: '90000' });
});

test('--idle-timeout of a sender sees that a slow receiver with --verify goes on', async () => {
  const done = await slowly('slow-too', '--verify --limit-rate 120k', ['--verify', '--idle-timeout', '1'], 180_000);
  expect(done).toEqual({ status: 0, stderr: '', received: '180000' });
});

test('--limit-rate keeps the rate within 5 %, each way', async () => {
  const startedAt = performance.now();
  const done = await slowly('paced', '', ['--limit-rate', '200k'], 500_000);
  const seconds = (performance.now() - startedAt) / 1000;
  expect(done).toEqual({ status: 0, stderr: '', received: '500000' });
  // 2.5 s, and the time that the two commands take to start and to end.
  expect(seconds).toBeGreaterThan(2.5 * 0.95);
});

test('a listener whose standard error nobody reads any more goes on, and exits with 0', async () => {
  const script = 'chatosbot pipe --json --listen --login mute </dev/null 2> >(head -n 2 >&2); echo "$?"';
  const listener = shell(script, env());
  await listener.line(/"waiting"/);
  expect(await runShared(['pipe', '-q', 'mute'], { ...env(), input: 'heard\n' })).toMatchObject({ status: 0 });
  expect(await listener.exit()).toMatchObject({ stdout: 'heard\n0\n' });
});
