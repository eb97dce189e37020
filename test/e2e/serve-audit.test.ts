import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { LAB, labFile, run, shell, start, startProgram, startServer } from './chatosbot.ts';
import { peer } from './peers.ts';

async function linesOf(file: string): Promise<{ event: string; login?: string }[]> {
  const text = await readFile(file, 'utf8');
  expect(text).toMatch(/\n$/);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; login?: string });
}

const EVENTS = ['start', 'listening', 'login', 'draining', 'left', 'stop'];

test.each(['SIGTERM', 'SIGINT'] as const)(
  'serve --audit has recorded everything when it ends on %s',
  async (signal) => {
    const file = path.join(LAB, `${signal}.ndjson`);
    const { command, port } = await startServer(['--audit', file]);
    await peer(port, 'alice');
    command.kill(signal);
    expect(await command.exit()).toMatchObject({ status: 0 });
    expect((await linesOf(file)).map(({ event }) => event)).toEqual(EVENTS);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  },
);

test('serve --audit opens its file again on SIGHUP: one that was renamed is whole, and nothing is lost', async () => {
  const file = path.join(LAB, 'rotated.ndjson');
  const { command, port } = await startServer(['--audit', file]);
  await peer(port, 'alice');
  await rename(file, `${file}.1`);
  command.kill('SIGHUP');
  await expect.poll(() => readFile(file, 'utf8').catch(() => '')).toContain('"reopened"');
  await peer(port, 'bob');
  command.kill('SIGTERM');
  expect(await command.exit()).toMatchObject({ status: 0 });
  const lines = [...(await linesOf(`${file}.1`)), ...(await linesOf(file))];
  const logins = lines.filter(({ event }) => event === 'login').map(({ login }) => login);
  expect(logins).toEqual(['alice', 'bob']);
  expect((await linesOf(file)).at(-1)).toMatchObject({ event: 'stop' });
});

test('serve --audit has recorded what happened before a second signal ends it', async () => {
  const file = path.join(LAB, 'second.ndjson');
  const { command, port } = await startServer(['--audit', file]);
  await peer(port, 'alice');
  command.kill('SIGTERM');
  command.kill('SIGQUIT');
  expect(await command.exit()).toMatchObject({ status: 131 });
  expect((await linesOf(file)).map(({ event }) => event)).toContain('login');
});

test('serve.audit is relative to the configuration, and recorded by the embedded server of run, too', async () => {
  labFile('audited/audited.yaml', 'serve: { audit: audit.ndjson, listen: ["127.0.0.1:0"] }\nbots: [./echo.mjs]\n');
  labFile('audited/echo.mjs', 'export default { onMessage: (message) => message.reply(message.text) };\n');
  for (const verb of ['serve', 'run']) {
    const command = await startVerb(verb, path.join(LAB, 'audited', 'audited.yaml'));
    command.kill('SIGTERM');
    expect(await command.exit()).toMatchObject({ status: 0 });
  }
  const lines = await linesOf(path.join(LAB, 'audited', 'audit.ndjson'));
  expect(lines.filter(({ event }) => event === 'start')).toHaveLength(2);
  expect(lines.filter(({ event }) => event === 'login')).toMatchObject([{ login: 'echo' }]);
});

async function startVerb(verb: string, config: string) {
  const command = start([verb, '--config', config]);
  await command.line(verb === 'run' ? /logged in as/ : /^listening on/);
  return command;
}

test('a path that is no file ends serve before it listens, with 2', async () => {
  const pipe = path.join(LAB, 'pipe');
  await startProgram('mkfifo', [pipe]).exit();
  for (const file of [pipe, LAB, path.join(LAB, 'no', 'such', 'folder')]) {
    const { status, stderr } = await run(['serve', '--listen', '0', '--audit', file]);
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: expect.stringContaining(`cannot write the audit log ${file}: `),
    });
    expect(stderr).not.toContain('listening');
  }
});

test('serve goes on when the audit log cannot be written any more, and says how many lines are missing', async () => {
  const file = path.join(LAB, 'full.ndjson');
  await writeFile(file, 'x'.repeat(1_023).concat('\n'));
  // To a process that may write files of 1 KiB, the disk is full.
  const command = shell(
    `ulimit -f 1; chatosbot serve --listen 127.0.0.1:0 --audit ${file} & trap 'kill $!' TERM; wait; wait`,
  );
  const [, port] = await command.line(/^listening on tcp:.*:(\d+)$/);
  await command.line(/audit log not written; the server goes on, and tries again every second/);
  await peer(Number(port), 'alice');
  command.kill('SIGTERM');
  expect(await command.exit()).toMatchObject({
    status: 0,
    stderr: expect.stringMatching(/audit log incomplete lost=\d/),
  });
});

test('serve makes its audit log again where that was removed, and /metrics says that it cannot be written', async () => {
  const file = path.join(LAB, 'gone', 'audit.ndjson');
  await mkdir(path.dirname(file));
  const { command, port } = await startServer(['--audit', file, '--status', '127.0.0.1:0']);
  const [, url] = await command.line(/^status on (.*)/);
  const written = async () =>
    /^chatosbot_audit_log_written (\d)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1];
  expect(await written()).toBe('1');
  await rm(path.dirname(file), { recursive: true });
  await peer(port, 'alice');
  await command.line(/audit log not written.*why="its folder does not exist"/);
  expect(await written()).toBe('0');
  await mkdir(path.dirname(file));
  await command.line(/audit log written again, nothing of it lost/);
  expect((await linesOf(file)).map(({ event }) => event)).toContain('login');
  expect(await written()).toBe('1');
});
