/** The places where people put netcat: behind ssh and socat, with nohup, in a cron job. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { commandFolder, LAB, labFile, shell, start } from './chatosbot.ts';
import { runShared, startShared } from './shared-process.ts';
import { sharedServer } from './shared-server.ts';
import { HAS_TERMINAL, onTerminal } from './terminal.ts';

const SSHD = '/usr/sbin/sshd';
/** sshd wants this folder where it runs as root. */
const SSHD_FOLDER = '/run/sshd';
const has = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

let at: string;
let command: string;

beforeAll(async () => {
  ({ at } = await sharedServer());
  command = path.join(commandFolder(), 'chatosbot');
});

describe.skipIf(!existsSync(SSHD) || !has('ssh'))('pipe, with OpenSSH', () => {
  function sshFiles(): string {
    const keys = path.join(LAB, 'ssh');
    mkdirSync(keys);
    for (const name of ['host', 'user'])
      spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(keys, name)]);
    copyFileSync(path.join(keys, 'user.pub'), path.join(keys, 'authorized'));
    labFile(
      'ssh/sshd.conf',
      `HostKey ${keys}/host\nAuthorizedKeysFile ${keys}/authorized\nStrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\n`,
    );
    return keys;
  }

  test('is a ProxyCommand to a machine that only listens here', async () => {
    if (userInfo().uid === 0 && !existsSync(SSHD_FOLDER)) {
      mkdirSync(SSHD_FOLDER);
      onTestFinished(() => rmdirSync(SSHD_FOLDER));
    }
    const keys = sshFiles();
    const daemon = `${SSHD} -i -f ${keys}/sshd.conf`;
    const listener = start(['pipe', '--listen', '--keep', '--login', 'far', '--server', at, '--exec', daemon]);
    await listener.line(/^waiting/);
    const options = ['BatchMode=yes', 'StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR'];
    const ssh = `ssh -F none ${options.map((option) => `-o ${option}`).join(' ')} -i ${keys}/user \\
      -o 'ProxyCommand=${command} pipe -q %h --server ${at}' ${userInfo().username}@far`;
    const session = shell(`seq 100000 | ${ssh} 'md5sum; exit 7'; echo "status $?"; seq 100000 | md5sum`);
    const { stdout, stderr } = await session.exit();
    const [there, status, here] = stdout.split('\n');
    expect({ there, status, stderr }).toEqual({ there: here, status: 'status 7', stderr: '' });
  });
});

test.skipIf(!has('socat'))('pipe works behind socat EXEC', async () => {
  const listener = startShared(['pipe', '--listen', '--login', 'upper', '--server', at, '--exec', 'tr a-z A-Z']);
  await listener.line(/^waiting/);
  const address = at.replace(':', '\\:');
  const caller = shell(`echo hello | socat -t 30 - EXEC:'${command} pipe -q upper --server ${address}'`);
  expect(await caller.exit()).toMatchObject({ status: 0, stdout: 'HELLO\n', stderr: '' });
});

test('pipe works in a cron job: without an environment, with an empty input', async () => {
  const listener = shell(
    `env -i ${process.execPath} "$(sed -n 's/.*exec "[^"]*" "\\([^"]*\\)".*/\\1/p' ${command})" pipe --listen --login nightly --server ${at} < /dev/null`,
  );
  await listener.line(/^waiting/);
  expect(await runShared(['pipe', 'nightly', '--server', at], { input: 'done' })).toMatchObject({ status: 0 });
  expect(await listener.exit()).toMatchObject({ status: 0, stdout: 'done' });
});

test.skipIf(!HAS_TERMINAL)('pipe works with nohup, whose input cannot be read, when its terminal is gone', async () => {
  const terminal = onTerminal(
    `nohup ${command} pipe --listen --login night --server ${at} > ../night.out 2> ../night.err &
     until grep -q ^waiting ../night.err; do sleep 0.1; done; kill -HUP $!; echo gone`,
  );
  await terminal.exit();
  expect(await runShared(['pipe', 'night', '--server', at], { input: 'x'.repeat(200_000) })).toMatchObject({
    status: 0,
  });
  expect(readFileSync(path.join(LAB, 'night.out'), 'utf8')).toHaveLength(200_000);
});
