import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { freePort, start } from './processes.ts';

/** What it takes. */
export const SSH_NEEDS = ['ssh', 'scp', 'ssh-keygen', '/usr/sbin/sshd'] as const;

/** An SSH server of one's own, on loopback, without a password: it knows a key that was made for it. */
export interface Sshd {
  readonly pid: number;
  readonly port: number;
  /** Options of `ssh` and `scp`, without the port. */
  readonly options: readonly string[];
  /** `user@host`. */
  readonly destination: string;
  stop(): Promise<void>;
}

export async function startSshd(): Promise<Sshd> {
  const folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-ssh-'));
  const file = (name: string): string => path.join(folder, name);
  for (const name of ['host', 'user']) spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(name)]);
  spawnSync('cp', [file('user.pub'), file('authorized')]);
  chmodSync(file('authorized'), 0o600);
  const port = await freePort();
  const config = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${file('host')}`,
    `AuthorizedKeysFile ${file('authorized')}`,
    `PidFile ${file('pid')}`,
    'StrictModes no',
    'UsePAM no',
    'PermitRootLogin yes',
    'MaxStartups 200',
    'Subsystem sftp internal-sftp',
  ];
  writeFileSync(file('config'), `${config.join('\n')}\n`);
  spawnSync('mkdir', ['-p', '/run/sshd']);
  const server = await start('/usr/sbin/sshd', ['-D', '-e', '-f', file('config')], port);
  const settings = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR'];
  return {
    pid: server.pid,
    port,
    options: ['-i', file('user'), ...settings.flatMap((setting) => ['-o', setting])],
    destination: `${userInfo().username}@127.0.0.1`,
    stop: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
