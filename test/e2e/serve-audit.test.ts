import { readFile, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { LAB, labFile, run, start, startProgram, startServer } from './chatosbot.ts';
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
