import { spawnSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { BansFile } from '../../src/ops/bans-file.ts';
import { MAX_BANS, type Ban } from '../../src/server/access/bans.ts';
import type { ServerEvents } from '../../src/server/events.ts';
import { ChatosServer } from '../../src/server/server.ts';
import { leavesNothingOpen } from '../support/open-files.ts';
import { LogRecorder } from '../support/server-rig.ts';

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'chatosbot-bans-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  leavesNothingOpen(made);
  return made;
}

function keeping(directory: string) {
  const log = new LogRecorder();
  const file = new BansFile(directory, log);
  const server = new ChatosServer({ bans: file.read() });
  onTestFinished(() => server.close());
  file.attach(server);
  return { file, server, log };
}

const login = (what: string, more: Partial<Ban> = {}): Ban => ({ kind: 'login', what, since: new Date(), ...more });

it('keeps bans in a private file, whole, for the next server', async () => {
  const directory = path.join(folder(), 'state');
  const one = keeping(directory);
  const made = login('alice', { reason: '\u001B[31mred', until: new Date(Date.now() + 60_000) });
  one.server.ban(made);
  one.server.ban({ kind: 'from', what: '192.0.2.0/24', since: new Date() });
  one.server.ban(login('bob'));
  one.server.unban('login', 'bob');
  await one.file.saved();
  expect(statSync(one.file.path).mode & 0o777).toBe(0o600);
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  expect(readdirSync(directory)).toEqual(['bans.json']);
  expect(readFileSync(one.file.path, 'utf8')).not.toContain('\u001B');
  expect(keeping(directory).server.bans()).toMatchObject([made, { what: '192.0.2.0/24' }]);
});

it('keeps the newest where servers with the same folder have more than one may have', async () => {
  const directory = path.join(folder(), 'state');
  const [one, two] = [keeping(directory), keeping(directory)];
  for (let count = 0; count < MAX_BANS; count += 1) one.server.ban(login(`spam-${count}`));
  one.server.ban({ kind: 'from', what: '192.0.2.0/24', since: new Date() });
  await one.file.saved();
  for (const what of ['mallory', 'trudy']) {
    two.server.ban(login(what));
    await two.file.saved();
  }
  expect(two.log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  expect(two.log.of('the oldest are dropped').map(({ fields }) => fields)).toEqual([{ dropped: 1 }, { dropped: 1 }]);
  const kept = keeping(directory)
    .server.bans()
    .map(({ what }) => what);
  expect(kept).toHaveLength(MAX_BANS + 1);
  expect(kept.slice(-3)).toEqual(['192.0.2.0/24', 'mallory', 'trudy']);
  expect(kept[0]).toBe('spam-2');
});

it('makes neither file nor folder before there is a ban', () => {
  const directory = path.join(folder(), 'state');
  keeping(directory);
  expect(() => statSync(directory)).toThrow(/ENOENT/);
});

it('forgets bans whose time came while no server ran', async () => {
  const directory = folder();
  writeFileSync(
    path.join(directory, 'bans.json'),
    JSON.stringify([{ kind: 'login', what: 'alice', since: '2020-01-01T00:00Z', until: '2020-01-02T00:00Z' }]),
  );
  expect(keeping(directory).server.bans()).toEqual([]);
});

it('of two servers with one folder, none loses a ban of the other', async () => {
  const directory = folder();
  const [one, two] = [keeping(directory), keeping(directory)];
  one.server.ban(login('alice'));
  await one.file.saved();
  two.server.ban(login('bob'));
  await two.file.saved();
  expect(
    keeping(directory)
      .server.bans()
      .map(({ what }) => what),
  ).toEqual(['alice', 'bob']);
});

it('lifts a ban for good that was written otherwise', async () => {
  const directory = folder();
  const { file, server } = keeping(directory);
  for (const what of ['2001:DB8::/32', '2001:db8::/32']) server.ban({ kind: 'from', what, since: new Date() });
  server.unban('from', '2001:db8:0::/32');
  await file.saved();
  expect(keeping(directory).server.bans()).toEqual([]);
});

it('writes through no link that waits for it', async () => {
  const directory = folder();
  const victim = path.join(directory, 'victim');
  symlinkSync(victim, path.join(directory, 'bans.json'));
  symlinkSync(victim, path.join(directory, `bans.json.${process.pid}`));
  const file = new BansFile(directory, new LogRecorder());
  writeFileSync(victim, '[]');
  const server = new ChatosServer({ bans: file.read() });
  onTestFinished(() => server.close());
  file.attach(server);
  server.ban(login('alice'));
  await file.saved();
  expect(readFileSync(victim, 'utf8')).toBe('[]');
  expect(file.read()).toHaveLength(1);
});

it('looks at each ban once, however many are made at once', async () => {
  const file = new BansFile(folder(), new LogRecorder());
  const server = new EventEmitter<ServerEvents>();
  file.attach(server as never);
  const parsed = vi.spyOn(net, 'isIP');
  const bans = Array.from({ length: 200 }, (_, n): Ban => ({ kind: 'from', what: `192.0.2.${n}`, since: new Date() }));
  for (const ban of bans) server.emit('banned', ban, 0, 0);
  for (const ban of bans.slice(50)) server.emit('unbanned', ban, 'lifted');
  await file.saved();
  const looks = parsed.mock.calls.length;
  parsed.mockRestore();
  expect(looks).toBeGreaterThan(0);
  expect(looks).toBeLessThan(10 * bans.length);
  expect(file.read().map(({ what }) => what)).toEqual(bans.slice(0, 50).map(({ what }) => what));
});

it('writes once what is banned at once', async () => {
  const { file, server } = keeping(folder());
  const read = vi.spyOn(file, 'read');
  for (let count = 0; count < 200; count += 1) server.ban(login(`mallory-${count}`));
  await file.saved();
  expect(file.read()).toHaveLength(200);
  expect(read.mock.calls.length).toBeLessThan(5);
});

it('is read where it has as many bans as a server may have, each with the longest reason', () => {
  const directory = folder();
  const more = { since: new Date('2026-01-01'), until: new Date('2100-01-01'), reason: '\u0007'.repeat(256) };
  const bans = Array.from({ length: 1_000 }, (_, count): Ban[] => [
    { kind: 'login', what: `${count}`, ...more },
    { kind: 'from', what: `2001:db8:aaaa:bbbb:cccc:dddd:eeee:${count}/128`, ...more },
    { kind: 'identity', what: `sha256:${`${count}`.padEnd(42, 'x')}8`, ...more },
  ]).flat();
  writeFileSync(path.join(directory, 'bans.json'), JSON.stringify(bans));
  expect(keeping(directory).server.bans()).toHaveLength(3_000);
});

it('names the file that has more bans than a server may have', () => {
  const directory = folder();
  const bans = Array.from({ length: 1_001 }, (_, count) => login(`mallory-${count}`));
  writeFileSync(path.join(directory, 'bans.json'), JSON.stringify(bans));
  expect(() => keeping(directory)).toThrow(/bans\.json: .*more than 1000 of the kind login/);
});

it.each([
  '{',
  '{}',
  'null',
  '[7]',
  '[{"kind":"login","what":"alice"}]',
  '[{"kind":"login","what":"alice","since":7}]',
  '[{"kind":"from","what":"alice","since":"2020-01-01"}]',
])('says what to do about a file with %s, and leaves it as it is', (text) => {
  const directory = folder();
  const file = path.join(directory, 'bans.json');
  writeFileSync(file, text);
  expect(() => new BansFile(directory, new LogRecorder()).read()).toThrow(
    expect.objectContaining({
      code: 'INVALID_CONFIG',
      message: expect.stringMatching(/bans\.json: it is not a file of bans .*remove it/),
    }),
  );
  expect(readFileSync(file, 'utf8')).toBe(text);
});

it('says which entry is wrong', () => {
  const directory = folder();
  writeFileSync(path.join(directory, 'bans.json'), JSON.stringify([login('alice'), login('')]));
  expect(() => keeping(directory)).toThrow('bans.json: it is not a file of bans (entry 2: it names nobody)');
});

it('warns once where others may write it, and reads it', async () => {
  const directory = folder();
  const file = path.join(directory, 'bans.json');
  writeFileSync(file, JSON.stringify([login('alice')]));
  for (const [mode, warnings] of [
    [0o600, 0],
    [0o644, 0],
    [0o620, 1],
    [0o606, 1],
  ] as const) {
    chmodSync(file, mode);
    const { server, log, file: bans } = keeping(directory);
    bans.read();
    expect(server.bans()).toHaveLength(1);
    expect(log.of(`${file} says who is banned, and others than its owner may write it: chmod 600 it`)).toHaveLength(
      warnings,
    );
  }
});

it.skipIf(process.getuid?.() !== 0)('warns of one that belongs to another user, until it is written', async () => {
  const directory = folder();
  const file = path.join(directory, 'bans.json');
  writeFileSync(file, '[]');
  chownSync(file, 4242, 4242);
  const { server, log, file: bans } = keeping(directory);
  expect(log.of(`${file} says who is banned, and it belongs to another user (4242): chown it`)).toHaveLength(1);
  server.ban(login('alice'));
  await bans.saved();
  expect(keeping(directory).log.lines).toEqual([]);
});

it('is refused, and not waited for, where it is a pipe, a folder, or far too long', () => {
  const directory = folder();
  const file = path.join(directory, 'bans.json');
  const makes = [
    () => spawnSync('mkfifo', [file]),
    () => mkdirSync(file),
    () => {
      writeFileSync(file, '');
      truncateSync(file, 2 ** 40);
    },
  ];
  for (const make of makes) {
    make();
    expect(() => keeping(directory)).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }));
    rmSync(file, { recursive: true });
  }
});

it('reports that it cannot write, and the ban holds', async () => {
  const file = path.join(folder(), 'file');
  writeFileSync(file, '');
  const { file: bans, server, log } = keeping(path.join(file, 'state'));
  server.ban(login('alice'));
  await expect(bans.saved()).rejects.toThrow(/ENOTDIR/);
  expect(server.bans()).toHaveLength(1);
  expect(log.of('bans are not kept over a restart')).toHaveLength(1);
});
