/** Servers and clients that others have written, from Debian's packages; without them, these tests are skipped. */
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { ownPort } from '../support/own-port.ts';
import { LAB, startProgram } from './chatosbot.ts';
import { startForwarding, startListening } from './forwarding.ts';
import { sharedServer } from './shared-server.ts';

const isThere = (program: string): boolean => spawnSync('which', [program]).status === 0;
const has = {
  nginx: isThere('nginx') && isThere('curl'),
  redis: isThere('redis-server') && isThere('redis-benchmark'),
};

let at: string;

beforeAll(async () => {
  ({ at } = await sharedServer());
});

describe.skipIf(!has.nginx)('a web server (nginx and curl, where they are installed)', () => {
  const folder = mkdtempSync(path.join(LAB, 'nginx'));
  const file = randomBytes(2 ** 17);
  const hash = createHash('sha256').update(file).digest('hex');
  let port: number;

  beforeAll(async () => {
    port = await ownPort();
    mkdirSync(path.join(folder, 'www'));
    writeFileSync(path.join(folder, 'www/file'), file);
    writeFileSync(
      path.join(folder, 'nginx.conf'),
      `daemon off; master_process off; pid ${folder}/pid; error_log stderr;
events { worker_connections 600; }
http { access_log off; server { listen 127.0.0.1:${port}; root ${folder}/www; } }\n`,
    );
    startProgram('nginx', ['-c', path.join(folder, 'nginx.conf'), '-p', folder, '-e', 'stderr']);
    const url = `http://127.0.0.1:${port}/`;
    await startProgram('curl', ['-s', '--retry', '30', '--retry-connrefused', '--retry-delay', '1', url]).exit();
  });

  test('is reached through -L, a hundred downloads at once, each of them whole', async () => {
    const { login } = await startListening(at, ['--permit', `127.0.0.1:${port}`]);
    const { ports } = await startForwarding(at, login, ['-L', `0:127.0.0.1:${port}`]);
    const url = `http://127.0.0.1:${ports[0]}/file`;
    // All of them in one process.
    const curl = `curl -Z --parallel-immediate --parallel-max 100 --no-progress-meter --fail '${url}?[1-100]' -o 'out#1'`;
    const script = `cd ${folder} && ${curl} && sha256sum out* | cut -d ' ' -f 1`;
    const { status, stdout, stderr } = await startProgram('bash', ['-c', script]).exit();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.trimEnd().split('\n')).toEqual(Array.from({ length: 100 }, () => hash));
  });

  test.each(['--socks5-hostname', '--socks5'])('is reached through -D by curl %s', async (option) => {
    const { login } = await startListening(at, ['--permit', `localhost:${port}`, `127.0.0.1:${port}`]);
    const { ports } = await startForwarding(at, login, ['-D', '0']);
    const curl = (host: string, to: number) =>
      startProgram('curl', ['-4', '-sS', '--fail', option, `127.0.0.1:${ports[0]}`, `http://${host}:${to}/file`], {
        output: () => undefined,
      }).exit();
    expect(await curl('localhost', port)).toMatchObject({ status: 0, stderr: '' });
    // curl's "failed to complete the SOCKS handshake".
    expect(await curl('127.0.0.1', 1)).toMatchObject({ status: 97 });
  });

  test('is reached through -R, at a port of the peer', async () => {
    const { login } = await startListening(at, ['--permit-listen', '*']);
    const { ports } = await startForwarding(at, login, ['-R', `0:127.0.0.1:${port}`]);
    const url = `http://127.0.0.1:${ports[0]}/file`;
    const { stdout } = await startProgram('bash', ['-c', `curl -sS --fail ${url} | sha256sum`]).exit();
    expect(stdout).toBe(`${hash}  -\n`);
  });
});

test.skipIf(!has.redis)(
  'a Redis, where it is installed, is reached through a Unix socket, by fifty clients with pipelines',
  async () => {
    const folder = mkdtempSync(path.join(LAB, 'redis'));
    const [there, here] = [path.join(folder, 'there'), path.join(folder, 'here')];
    const settings = ['--port', '0', '--unixsocket', there, '--save', '', '--dir', folder];
    const redis = startProgram('redis-server', settings);
    await redis.line(/ready to accept connections/i, 'stdout');
    const { login } = await startListening(at, ['--permit', there]);
    await startForwarding(at, login, ['-L', `${here}:${there}`]);
    const args = ['-s', here, '-c', '50', '-n', '5000', '-P', '10', '-t', 'set,get', '--csv'];
    const { status, stdout, stderr } = await startProgram('redis-benchmark', args).exit();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/"SET".*\n"GET"/);
  },
);
