import { spawnSync } from 'node:child_process';
import { createCipheriv, createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Command } from '../support/command.ts';
import { LAB, start } from './chatosbot.ts';
import { sharedServer } from './shared-server.ts';

/** How much there is: in the long variant, 10,000 small files and one of 4 GiB. */
const IS_LONG = process.env['CHATOSBOT_LONG_TESTS'] !== undefined;
const SMALL_FILES = IS_LONG ? 10_000 : 400;
const LARGE_MIB = IS_LONG ? 4_096 : 48;
/** How many transfers are to break midway; and how many are begun at most for that. */
const BREAKS = IS_LONG ? 20 : 4;
const MAX_ROUNDS = BREAKS * 5;
/** What a process may take at most, of memory that is resident. */
const MAX_MEMORY_MIB = 100;
/** The moments of the kills: the same in each run. */
const SEED = 20_261_127;

let at: string;

beforeAll(async () => {
  ({ at } = await sharedServer());
});

function* moments(): Generator<number> {
  for (let state = SEED; ;) {
    state = (state * 48_271) % 2_147_483_647;
    yield state / 2_147_483_647;
  }
}

/** Bytes that cannot be packed, made fast. */
function block(name: string, bytes: number): Buffer {
  const key = createHash('sha256').update(name).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(bytes));
}

function makeTree(): string {
  const top = path.join(LAB, 'killed');
  for (let number = 0; number < SMALL_FILES; number += 1) {
    const folder = path.join(top, `folder ${number % 37}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, `file ${number}`), block(`${number}`, number * 13));
  }
  for (let mib = 0; mib < LARGE_MIB; mib += 1)
    writeFileSync(path.join(top, 'large'), block(`${mib}`, 2 ** 20), { flag: 'a' });
  return top;
}

/** The most that a process has had so far, in MiB; 0 where the system does not say, or it has ended. */
function peakMemory({ pid }: Command): number {
  try {
    const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kib ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** Follows the memory of processes while they run. */
function watchMemory() {
  const peaks = { receiver: 0, sender: 0 };
  let watched: Record<keyof typeof peaks, Command> | undefined;
  const look = (): void => {
    for (const who of ['receiver', 'sender'] as const) {
      if (watched) peaks[who] = Math.max(peaks[who], peakMemory(watched[who]));
    }
  };
  const timer = setInterval(look, 100);
  onTestFinished(() => clearInterval(timer));
  return { peaks, look, watch: (processes: typeof watched) => (watched = processes) };
}

const LIMIT = { timeout: IS_LONG ? 1_800_000 : 240_000 };

test('a transfer whose sides are killed again and again arrives whole', LIMIT, async () => {
  const top = makeTree();
  const inbox = path.join(LAB, 'killed-inbox');
  const random = moments();
  const memory = watchMemory();
  const both = () => {
    const common = ['--server', at, '--reconnect-timeout', '0', '--json'];
    const receiver = start([
      'receive',
      '--from',
      'ann-k',
      '--login',
      'bob-k',
      '--yes',
      '--dir',
      inbox,
      '--retry',
      '--wait',
      '60',
      ...common,
    ]);
    const sender = start(['send', top, '--to', 'bob-k', '--login', 'ann-k', '--retry', '--wait', '60', ...common]);
    memory.watch({ receiver, sender });
    return { receiver, sender };
  };
  let midway = 0;
  for (let round = 0; midway < BREAKS && round < MAX_ROUNDS; round += 1) {
    const { receiver, sender } = both();
    await receiver.line(/"type":"accepted"/, 'stdout');
    const [victim, other] = round % 2 === 0 ? [sender, receiver] : [receiver, sender];
    const afterMs = random.next().value! * (IS_LONG ? 20_000 : 800);
    await Promise.race([new Promise((resolve) => setTimeout(resolve, afterMs)), other.ended]);
    memory.look();
    victim.kill('SIGKILL');
    const { status } = await other.exit(120_000);
    // Success only if everything is there.
    expect([0, 75]).toContain(status);
    await victim.ended;
    if (status === 75) {
      midway += 1;
      continue;
    }
    expect(spawnSync('diff', ['-r', top, path.join(inbox, 'killed')]).status).toBe(0);
    rmSync(inbox, { recursive: true });
  }
  expect(midway).toBe(BREAKS);
  const { receiver, sender } = both();
  const [received, sent] = await Promise.all([receiver.exit(LIMIT.timeout), sender.exit(LIMIT.timeout)]);
  expect([sent.status, received.status]).toEqual([0, 0]);
  expect(spawnSync('diff', ['-r', top, path.join(inbox, 'killed')]).stdout.toString()).toBe('');
  const parts = readdirSync(inbox, { recursive: true }).filter((name) => String(name).endsWith('.part'));
  expect(parts).toEqual([]);
  expect(existsSync(path.join(inbox, 'killed', 'large'))).toBe(true);
  if (IS_LONG)
    process.stderr.write(`peak memory in MiB: ${JSON.stringify(memory.peaks)}, ${midway} transfers broken midway\n`);
  expect(Math.max(memory.peaks.receiver, memory.peaks.sender)).toBeLessThan(MAX_MEMORY_MIB);
});
