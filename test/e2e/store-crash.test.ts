/** Stores of processes that are killed, or whose disk is full. They import the build: it starts at once. */
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { PluginStore } from '../../src/bot/store/plugin-store.ts';
import type { Command } from '../support/command.ts';
import { LAB, labFile, startProgram } from './chatosbot.ts';

const BUILT = fileURLToPath(new URL('../../dist/bot/store/plugin-store.js', import.meta.url));
const KILLS = 16;
const LANES = 6;
const KEYS_PER_LANE = 25;

/** Writes for ever, and acknowledges each write on standard output: `lane key version`. */
const WRITER = `
import { writeSync } from 'node:fs';
import { PluginStore } from ${JSON.stringify(BUILT)};
const [directory, from] = process.argv.slice(2);
const { store } = new PluginStore({ directory });
// Standard output does not wait for who reads it.
const say = (line) => {
  for (;;) {
    try {
      return writeSync(1, line);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
};
const lane = async (lane) => {
  for (let version = Number(from); ; version++) {
    const key = lane + ' ' + (version % ${KEYS_PER_LANE});
    // Large ones among them, so that tables are written and merged meanwhile.
    const pad = 'x'.repeat(version % 7 === 0 ? 40_000 : version % 50);
    if (version % 2) await store.set(key, { version, pad });
    else await store.update(key, () => ({ version, pad }));
    say(key + ' ' + version + '\\n');
  }
};
for (let n = 0; n < ${LANES}; n++) void lane(n);
`;

test(`no acknowledged write is lost, and the store always opens, in ${KILLS} kills at any moment`, async () => {
  const writer = labFile('writer.mjs', WRITER);
  const directory = path.join(LAB, 'state', 'stores', 'bot');
  const acknowledged = new Map<string, number>();
  let from = 1;
  for (let kill = 0; kill < KILLS; kill++) {
    const child = startProgram(process.execPath, [writer, directory, String(from)]);
    // Every fourth is killed as it starts up and opens the store.
    if (kill % 4 === 3) await pause(randomInt(60, 160));
    else await writes(child, randomInt(1, 120));
    child.kill('SIGKILL');
    const { stdout, stderr } = await child.exit();
    expect(stderr).toBe('');
    for (const [, key, version] of stdout.matchAll(/^(\d+ \d+) (\d+)\n/gm)) {
      acknowledged.set(key!, Number(version));
      from = Math.max(from, Number(version) + 1);
    }
    // A write whose acknowledgement was cut off may be there, too: the next ones are later than it.
    from += KEYS_PER_LANE;

    const opened = new PluginStore({ directory });
    let bytes = 0;
    const found = new Map<string, number>();
    for await (const [key, value] of opened.store.entries()) {
      found.set(key, (value as { version: number }).version);
      bytes += key.length + JSON.stringify(value).length;
    }
    for (const [key, version] of acknowledged) expect(found.get(key)).toBeGreaterThanOrEqual(version);
    expect(await opened.usage()).toEqual({ entries: found.size, bytes });
    await opened.close();
  }
  expect(acknowledged.size).toBe(LANES * KEYS_PER_LANE);
}, 60_000);

async function writes(child: Command, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await child.line(/^\d+ \d+ \d+$/, 'stdout');
}

/** Fills its disk, makes room again, and reports what the store did; then it looks at a copy, as if it had been killed. */
const FILLER = `
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { PluginStore } from ${JSON.stringify(BUILT)};
const disk = process.argv[2];
const open = (name) => new PluginStore({ directory: disk + '/' + name });
const { store } = open('store');
const failure = (promise) => promise.then(() => 'no error', ({ code, message }) => code + ': ' + message);
for (let n = 0; n < 20; n++) await store.set('before ' + n, 'x'.repeat(1000));
for (let size = 1 << 20; size >= 1024; size /= 2) {
  try {
    for (let n = 0; ; n++) writeFileSync(disk + '/ballast-' + size + '-' + n, Buffer.alloc(size));
  } catch {}
}
const report = { failures: [] };
for (let n = 0; n < 3; n++) report.failures.push(await failure(store.set('big', String(n).repeat(100_000))));
report.readable = (await store.get('before 19')).length;
rmSync(disk + '/ballast-1048576-0');
for (let n = 0; n < 100; n++) await store.set('after ' + n, 'x'.repeat(n));
cpSync(disk + '/store', disk + '/copy', { recursive: true });
const copy = open('copy');
report.found = 0;
for (let n = 0; n < 20; n++) if (await copy.store.has('before ' + n)) report.found += 1;
for (let n = 0; n < 100; n++) if (await copy.store.has('after ' + n)) report.found += 1;
report.usage = await copy.usage();
for await (const [key] of copy.store.entries()) report.usage.entries -= 1;
console.log(JSON.stringify(report));
`;

const DISK = path.join(LAB, 'disk');
const IN_SMALL_DISK = `mkdir -p "${DISK}" && mount -t tmpfs -o size=4m tmpfs "${DISK}" && exec "$@"`;
const UNSHARE = '/usr/bin/unshare';
const mayMount = spawnSync(UNSHARE, ['-rm', 'sh', '-c', IN_SMALL_DISK, 'sh', 'true']).status === 0;

test.skipIf(!mayMount)('a full disk fails writes, not reads, and what is written later is safe', async () => {
  const filler = labFile('filler.mjs', FILLER);
  const child = startProgram(UNSHARE, ['-rm', 'sh', '-c', IN_SMALL_DISK, 'sh', process.execPath, filler, DISK]);
  const { stdout, stderr } = await child.exit();
  expect(stderr).toBe('');
  const { failures, ...report } = JSON.parse(stdout) as { failures: string[] };
  for (const each of failures)
    expect(each).toMatch(/^STORE_UNAVAILABLE: the store in .* cannot be written: .*no space/i);
  expect(report).toEqual({ readable: 1000, found: 120, usage: { entries: 0, bytes: expect.any(Number) as number } });
});
