import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ChatosClient } from '../../src/client/index.ts';
import type { Command } from '../support/command.ts';
import { EXEMPTING, labFile, LAB, start, startProgram } from './chatosbot.ts';

const SCRIPT = path.resolve('docs/deploy/rolling-restart.sh');
const hasCurl = !spawnSync('curl', ['--version']).error;

interface Node {
  readonly command: Command;
  readonly at: string;
  /** The port of its status endpoint: it is what the node is called here. */
  readonly name: string;
}

async function startNode(at = '127.0.0.1:0', name = '0'): Promise<Node> {
  const status = ['--status', `127.0.0.1:${name}`];
  const command = start(['serve', '--listen', at, ...status, '--config', EXEMPTING, '--drain', '2', '--no-control']);
  const [, real] = await command.line(/^listening on tcp:\/\/(.*)$/);
  const [, port] = await command.line(/^status on http:.*:(\d+)$/);
  return { command, at: real!, name: port! };
}

/** Programs of the names that the script calls: all nodes are on this machine, and their units are run by the test. */
async function standIns(restart: (name: string) => Promise<void>): Promise<string> {
  const units = createServer((request, response) => {
    void restart(request.url!.slice(1)).finally(() => response.end());
  }).listen(0, '127.0.0.1');
  await once(units, 'listening');
  onTestFinished(() => void units.close());
  const { port } = units.address() as AddressInfo;
  const programs = {
    ssh: 'NODE=$2; export NODE; exec sh -c "$3"',
    sudo: 'exec "$@"',
    systemctl: `test "$*" = 'restart chatosbot-server' && exec curl --silent "http://127.0.0.1:${port}/$NODE"`,
  };
  for (const [name, text] of Object.entries(programs)) {
    chmodSync(labFile(`stand-ins/${name}`, `#!/bin/sh\n${text}\n`), 0o755);
  }
  return `${path.join(LAB, 'stand-ins')}:${process.env['PATH']}`;
}

const READY = 'http://127.0.0.1:$NODE/readyz';

describe.skipIf(!hasCurl)('a rolling restart', () => {
  test('takes one node after the other, whose clients come back at the others while it is away', async () => {
    const nodes = await Promise.all([startNode(), startNode(), startNode()]);
    const clients = Array.from({ length: 8 }, (_, i) => {
      const server = [0, 1, 2].map((n) => nodes[(i + n) % 3]!.at);
      return ChatosClient.create({ server, login: `user-${i}`, reconnect: { firstMs: 50 } });
    });
    onTestFinished(async () => void (await Promise.all(clients.map((client) => client.destroy()))));
    const losses: string[] = [];
    for (const client of clients) client.on('disconnected', () => losses.push(client.login));
    await Promise.all(clients.map((client) => client.start()));
    const allThere = async (): Promise<void> => {
      for (const client of clients) if (!client.connected) await once(client, 'connected');
    };
    const away: string[] = [];
    const PATH = await standIns(async (name) => {
      const index = nodes.findIndex((node) => node.name === name);
      const { command, at } = nodes[index]!;
      command.kill('SIGTERM');
      expect(await command.exit()).toMatchObject({ status: 0 });
      await allThere();
      if (clients.every(({ server }) => !at.endsWith(`:${server.port}`))) away.push(name);
      nodes[index] = await startNode(at, name);
    });
    const names = nodes.map(({ name }) => name);
    const script = startProgram('sh', [SCRIPT, ...names], { env: { PATH, READY, WAIT: '20' } });
    expect(await script.exit()).toEqual({
      status: 0,
      signal: null,
      stdout: names.map((name) => `${name}: restarting\n${name}: ready\n`).join(''),
      stderr: '',
    });
    expect(away).toEqual(names);
    await allThere();
    expect(new Set(losses).size).toBe(clients.length);
  });

  test('restarts nothing where a node is not ready, and none behind one that does not come back', async () => {
    const nodes = await Promise.all([startNode(), startNode()]);
    const [first, second] = nodes;
    const restarted: string[] = [];
    const PATH = await standIns(async (name) => {
      restarted.push(name);
      first.command.kill('SIGKILL');
      await first.command.exit();
    });
    const env = { PATH, READY, WAIT: '1' };
    const broken = await startProgram('sh', [SCRIPT, first.name, second.name], { env }).exit();
    expect(broken).toMatchObject({ status: 1, stdout: `${first.name}: restarting\n` });
    expect(broken.stderr).toContain(`${first.name} is not ready after 1 s: the nodes behind it were not restarted\n`);
    const refused = await startProgram('sh', [SCRIPT, second.name, first.name], { env }).exit();
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr).toContain(`${first.name} is not ready: nothing was restarted\n`);
    expect(restarted).toEqual([first.name]);
  });
});
