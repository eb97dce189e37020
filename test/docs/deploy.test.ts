import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { expect, onTestFinished, test } from 'vitest';
import { COMMANDS } from '../../src/cli/commands/index.ts';
import { readFences } from './fences.ts';

const FOLDER = 'docs/deploy';
const FILES = readdirSync(FOLDER).map((name) => path.join(FOLDER, name));
const UNITS = FILES.filter((name) => name.endsWith('.service'));
const PAGE = readFileSync('docs/deploying.md', 'utf8');

/** Whether a program is there; where it is not, the test that needs it is skipped. */
const has = (program: string): boolean => !spawnSync(program, ['--version']).error;

test.each(FILES)('docs/deploying.md says what %s is for', (file) => {
  expect(PAGE).toContain(path.basename(file));
});

test.each(UNITS)('%s calls a command that there is, with options that it has', async (unit) => {
  const [, name = '', args = ''] = /^ExecStart=\S+\/chatosbot (\S+) (.*)$/m.exec(readFileSync(unit, 'utf8')) ?? [];
  const entry = COMMANDS.find((each) => each.name === name);
  expect(entry).toBeDefined();
  const command = new Command(name);
  (await entry!.load()).register(command, async () => undefined);
  await command
    .exitOverride()
    .action(() => undefined)
    .parseAsync(args.split(' '), { from: 'user' });
});

test.skipIf(!has('systemd-analyze'))('systemd finds no fault with the units', () => {
  const { stderr } = spawnSync('systemd-analyze', ['verify', '--recursive-errors=no', ...UNITS], { encoding: 'utf8' });
  // The program is not installed on this machine.
  expect(stderr.split('\n').filter((line) => line !== '' && !line.includes('is not executable'))).toEqual([]);
});

test.skipIf(spawnSync('haproxy', ['-v']).error)('HAProxy accepts its configuration', () => {
  const { stdout, stderr, status } = spawnSync('haproxy', ['-c', '-f', path.join(FOLDER, 'haproxy.cfg')]);
  expect({ status, stderr: String(stderr), stdout: status === 0 ? '' : String(stdout) }).toEqual({
    status: 0,
    stderr: '',
    stdout: '',
  });
});

test.skipIf(!has('openssl'))('OpenSSL makes an authority and a certificate by the commands on the page', () => {
  const script = readFences('docs/deploying.md').find(
    ({ section, language }) => section === "One's own authority" && language === 'sh',
  );
  const folder = mkdtempSync(path.join(tmpdir(), 'authority-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const run = (command: string) => spawnSync('sh', ['-ec', command], { cwd: folder, encoding: 'utf8' });
  const made = run(script!.text);
  expect({ status: made.status, stderr: made.stderr }).toMatchObject({ status: 0 });
  const checked = run('openssl verify -CAfile ca.pem -purpose sslserver -verify_hostname chat.example.org server.pem');
  expect(checked.stdout).toBe('server.pem: OK\n');
});

test.skipIf(!has('nats-server'))('NATS accepts the configuration on docs/cluster-operations.md', () => {
  const fence = readFences('docs/cluster-operations.md').find(({ language }) => language === 'conf');
  const folder = mkdtempSync(path.join(tmpdir(), 'nats-conf-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'nats-server.conf');
  // The files of its certificate are not on this machine.
  writeFileSync(file, fence!.text.replace(/^tls .*$/m, ''));
  const { status, stdout, stderr } = spawnSync('nats-server', ['-t', '-c', file], { encoding: 'utf8' });
  expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: expect.stringContaining('is valid') });
});
