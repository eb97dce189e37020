/** A PostgreSQL of Debian's packages, where it is installed, with a cluster of this test's own; else skipped. */
import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startProgram } from './chatosbot.ts';
import { asProcesses } from './forwarding.ts';
import { sharedServer } from './shared-server.ts';

const VERSIONS = '/usr/lib/postgresql';
const BIN = existsSync(VERSIONS) ? path.join(VERSIONS, readdirSync(VERSIONS).toSorted().at(-1)!, 'bin') : '';
const isThere = existsSync(path.join(BIN, 'initdb')) && spawnSync('which', ['psql']).status === 0;
const NOBODY = 65_534;

describe.skipIf(!isThere)('a PostgreSQL, where it is installed, is reached through its Unix socket', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-pg-'));
  const socket = path.join(folder, '.s.PGSQL.5432');
  let port: number;

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  beforeAll(async () => {
    // It refuses to run as root.
    const asNobody =
      process.getuid!() === 0 ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : [];
    if (asNobody.length > 0) chownSync(folder, NOBODY, NOBODY);
    const program = (name: string, ...args: string[]) => {
      const [file, ...rest] = [...asNobody, path.join(BIN, name), ...args];
      return startProgram(file!, rest, { cwd: folder });
    };
    const data = path.join(folder, 'data');
    const made = await program('initdb', '-D', data, '-A', 'trust', '-U', 'tester', '--no-sync').exit();
    if (made.status !== 0) throw new Error(made.stderr);
    const settings = ['fsync=off', 'listen_addresses=', `unix_socket_directories=${folder}`, 'logging_collector=off'];
    const database = program('postgres', '-D', data, ...settings.flatMap((each) => ['-c', each]));
    await database.line(/database system is ready to accept connections/);
    const { at } = await sharedServer();
    const { login } = await asProcesses.startListening(at, ['--permit', socket]);
    const { ports } = await asProcesses.startForwarding(at, login, ['-L', `0:${socket}`]);
    port = ports[0]!;
  });

  const client = ['-U', 'tester', '-d', 'postgres', '-X', '-A', '-t'];
  const sql = (query: string, host = '127.0.0.1', at = port) =>
    startProgram('psql', ['-h', host, '-p', `${at}`, ...client, '-c', query]);

  test('with twenty megabytes of rows, each of them as it is', async () => {
    const query = `select i, repeat(md5(i::text), 32) from generate_series(1, 20000) i`;
    const hash = (host: string, at: number) =>
      startProgram('bash', [
        '-c',
        `set -o pipefail; psql -h "${host}" -p ${at} ${client.join(' ')} -c "${query}" | tee >(wc -c >&2) | sha256sum`,
      ]).exit();
    const [there, direct] = [await hash('127.0.0.1', port), await hash(folder, 5432)];
    expect(there).toEqual(direct);
    expect(Number(there.stderr)).toBeGreaterThan(20_000_000);
  });

  test('and a query whose client is killed, or interrupted, ends there, too', async () => {
    const running = async (): Promise<string> =>
      (
        await sql(
          "select count(*) from pg_stat_activity where query like 'copy%' and state = 'active'",
          folder,
          5432,
        ).exit()
      ).stdout.trim();
    const endless = 'copy (select generate_series(1, 10000000000)) to stdout';
    const said: string[] = [];
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      const query = startProgram('psql', ['-h', '127.0.0.1', '-p', `${port}`, ...client, '-c', endless], {
        output: () => undefined,
      });
      await expect.poll(running).toBe('1');
      query.kill(signal);
      const { stderr } = await query.exit();
      said.push(stderr.trim());
      await expect.poll(running).toBe('0');
    }
    expect((await sql('select 1').exit()).stdout).toBe('1\n');
    expect(said[0]).toContain('canceling statement due to user request');
  });
});
