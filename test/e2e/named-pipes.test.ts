/** Files that options name and that are named pipes: to open one waits for a writer, and no signal ends that wait. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { LAB, start } from './chatosbot.ts';

const FIFO = path.join(LAB, 'fifo');
const TLS = ['serve', '--listen', 'tls://127.0.0.1:0'];
const CLUSTER = ['serve', '--cluster', 'nats://127.0.0.1:1', '--peer', '127.0.0.1:0'];

test('a named pipe that nobody writes to is an error wherever a file is named', async () => {
  execFileSync('mkfifo', [FIFO]);
  mkdirSync(path.join(LAB, 'found'));
  execFileSync('mkfifo', [path.join(LAB, 'found/chatosbot.config.yaml')]);
  const cases: Record<string, ReturnType<typeof start>> = {
    secret: start(['pipe', 'nobody', '-s', '127.0.0.1:1', '--secret', FIFO]),
    cert: start([...TLS, '--tls-cert', FIFO, '--tls-key', FIFO]),
    identity: start(['say', 'hello', '-s', 'tls://127.0.0.1:1', '--identity', FIFO]),
    authority: start(['say', 'hello', '-s', `tls://127.0.0.1:1?ca=${FIFO}`]),
    cluster: start([...CLUSTER, '--cluster-secret', FIFO]),
    replay: start(['replay', FIFO]),
    config: start(['check'], { cwd: path.join(LAB, 'found') }),
  };
  const statuses = Object.entries(cases).map(async ([name, command]) => {
    const { status, stderr } = await command.exit();
    return [name, [status, stderr.includes('is a named pipe')]];
  });
  expect(Object.fromEntries(await Promise.all(statuses))).toEqual(
    Object.fromEntries(Object.keys(cases).map((name) => [name, [2, true]])),
  );
});
