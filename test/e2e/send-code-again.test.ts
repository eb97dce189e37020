import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, test, vi } from 'vitest';
import { LAB, start } from './chatosbot.ts';
import { startShared, type SharedCommand } from './shared-process.ts';
import { sharedServer } from './shared-server.ts';

/** So large, at the rate of who sends first, that both sides are seen midway. */
const BYTES = randomBytes(4 * 1024 * 1024);
const SLOWLY = ['--limit-rate', '4M'];
const LIMIT = { timeout: 120_000 };

let at: string;
let file: string;
let count = 0;

beforeAll(async () => {
  ({ at } = await sharedServer());
  file = path.join(LAB, 'large');
  writeFileSync(file, BYTES);
});

/** What a user keeps between two runs, and where it receives. */
function user() {
  const home = path.join(LAB, `user-${++count}`);
  const inbox = path.join(home, 'inbox');
  mkdirSync(inbox, { recursive: true });
  const options = { env: { XDG_STATE_HOME: home } };
  const transfers = path.join(home, 'chatosbot', 'transfers');
  const sending = ['send', file, '--server', at];
  const receiving = (code: string, more: readonly string[]): string[] =>
    ['receive', code, '--yes', '--dir', inbox, '--server', at].concat(more);
  return {
    part: path.join(inbox, 'large.chatosbot.part'),
    received: path.join(inbox, 'large'),
    transfers,
    kept: () => (existsSync(transfers) ? readdirSync(transfers) : []),
    /** In a process of its own, to be killed. */
    send: () => start([...sending, ...SLOWLY], options),
    sendOn: (...more: readonly string[]) => startShared([...sending, ...more], options),
    /** In a process of its own, to be killed. */
    receive: (code: string, ...more: readonly string[]) => start(receiving(code, more), options),
    receiveOn: (code: string, ...more: readonly string[]) => startShared(receiving(code, more), options),
  };
}

async function codeOf(sender: SharedCommand): Promise<string> {
  const [, code] = await sender.line(/code: (\S+)/);
  return code!;
}

async function midway(part: string): Promise<void> {
  const size = (): number => statSync(part, { throwIfNoEntry: false })?.size ?? 0;
  await vi.waitUntil(() => size() >= 2 ** 20, { timeout: 40_000, interval: 2 });
}

test('a receiver that is killed goes on by the same code, and nobody else does', LIMIT, async () => {
  const [ann, bob, mallory] = [user(), user(), user()];
  const sender = ann.sendOn(...SLOWLY);
  const code = await codeOf(sender);
  const first = bob.receive(code);
  await midway(bob.part);
  first.kill('SIGKILL');
  await sender.line(/waiting for another private connection/);
  const [key, ...others] = bob.kept();
  expect(others).toEqual([]);
  expect(statSync(path.join(bob.transfers, key!)).mode & 0o777).toBe(0o600);
  expect(statSync(bob.transfers).mode & 0o777).toBe(0o700);
  const stranger = await mallory.receiveOn(code).exit();
  expect(stranger.status).toBe(77);
  expect(stranger.stderr).toContain('this code was used before');
  expect(await bob.receiveOn(code).exit()).toMatchObject({ status: 0 });
  const { status, stderr } = await sender.exit();
  expect([status, stderr.match(/code: /g)?.length]).toEqual([0, 1]);
  expect(readFileSync(bob.received).equals(BYTES)).toBe(true);
  expect([ann.kept(), bob.kept(), mallory.kept()]).toEqual([[], [], []]);
});

test('a sender that is killed and runs again goes on with the receiver that waits', LIMIT, async () => {
  const [ann, bob] = [user(), user()];
  const first = ann.send();
  const receiver = bob.receiveOn(await codeOf(first));
  await midway(bob.part);
  first.kill('SIGKILL');
  await receiver.line(/waiting for another private connection/);
  expect((await ann.sendOn().exit()).status).toBe(0);
  expect((await receiver.exit()).status).toBe(0);
  expect(readFileSync(bob.received).equals(BYTES)).toBe(true);
  expect([ann.kept(), bob.kept()]).toEqual([[], []]);
});

test('where both are killed, both run again, and the old code is good for the same two', LIMIT, async () => {
  const [ann, bob] = [user(), user()];
  const first = ann.send();
  const code = await codeOf(first);
  const receiver = bob.receive(code);
  await midway(bob.part);
  for (const side of [first, receiver]) side.kill('SIGKILL');
  await Promise.all([first.ended, receiver.ended]);
  const second = ann.sendOn();
  const newCode = await codeOf(second);
  expect(newCode).not.toBe(code);
  expect(newCode.split('-')[0]).toBe(code.split('-')[0]);
  expect((await bob.receiveOn(code).exit()).status).toBe(0);
  expect((await second.exit()).status).toBe(0);
  expect(readFileSync(bob.received).equals(BYTES)).toBe(true);
});

test('a stream whose receiver was killed cannot go on, which both sides say', LIMIT, async () => {
  const [ann, bob] = [user(), user()];
  const sender = ann.sendOn(...SLOWLY);
  const code = await codeOf(sender);
  const first = bob.receive(code, '--output', '-');
  await vi.waitUntil(() => first.stdout.length > 0, { timeout: 40_000, interval: 2 });
  first.kill('SIGKILL');
  await sender.line(/waiting for another private connection/);
  const [received, sent] = await Promise.all([bob.receiveOn(code, '--output', '-').exit(), sender.exit()]);
  expect([received.status, sent.status]).toEqual([65, 65]);
  for (const { stderr } of [received, sent]) expect(stderr).toContain('run both sides again');
});
