import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ChatosClient } from '../../src/client/index.ts';
import type { Command } from '../support/command.ts';
import { NO_NATS } from '../support/nats-server.ts';
import { ownAddress } from '../support/own-port.ts';
import { readAll, type RfcPeer } from '../support/rfc-peer.ts';
import { EXEMPTING, labFile, LAB, start, startProgram } from './chatosbot.ts';
import { nodeConfig, startNats } from './cluster-nodes.ts';
import { acceptNext, ask, peer } from './peers.ts';

const SCRIPT = path.resolve('docs/deploy/rolling-restart.sh');
const hasCurl = !spawnSync('curl', ['--version']).error;

interface Node {
  readonly command: Command;
  readonly at: string;
  /** The port of its status endpoint: it is what the node is called here. */
  readonly name: string;
}

async function startNode(at?: string, name?: string, more = ['--config', EXEMPTING]): Promise<Node> {
  const status = ['--status', name === undefined ? await ownAddress() : `127.0.0.1:${name}`];
  const command = start(
    ['serve', '--listen', at ?? (await ownAddress()), ...status, ...more, '--drain', '2', '--no-control'],
    {
      env: { TMPDIR: LAB },
    },
  );
  const [, real] = await command.line(/^listening on tcp:\/\/(.*)$/, 'stderr', 30_000);
  const [, port] = await command.line(/^status on http:.*:(\d+)$/);
  return { command, at: real!, name: port! };
}

/** Programs of the names that the script calls: all nodes are on this machine, and their units are run by the test. */
async function standIns(restart: (name: string) => Promise<void>, more: Record<string, string> = {}): Promise<string> {
  const units = createServer((request, response) => {
    void restart(request.url!.slice(1)).finally(() => response.end());
  }).listen(0, '127.0.0.1');
  await once(units, 'listening');
  onTestFinished(() => void units.close());
  const { port } = units.address() as AddressInfo;
  const folder = `stand-ins-${port}`;
  const programs = {
    ssh: 'NODE=$2; export NODE; exec sh -c "$3"',
    sudo: 'exec "$@"',
    systemctl: `test "$*" = 'restart chatosbot-server' && exec curl --silent "http://127.0.0.1:${port}/$NODE"`,
    ...more,
  };
  for (const [name, text] of Object.entries(programs)) {
    chmodSync(labFile(`${folder}/${name}`, `#!/bin/sh\n${text}\n`), 0o755);
  }
  return `${path.join(LAB, folder)}:${process.env['PATH']}`;
}

/** Two that talk to all and to each other, and over a private connection, until they end: all must come, in order. */
function chatBetween(one: RfcPeer, other: RfcPeer, from: Socket, to: Socket): { end(): Promise<number> } {
  const over = new AbortController();
  let count = 0;
  const talk = (async () => {
    for (; !over.signal.aborted; count++) {
      for (const [me, peerOf] of [
        [one, other],
        [other, one],
      ] as const) {
        me.say(`all ${count}`);
        me.tell(peerOf.name, `one ${count}`);
      }
      from.write(`${count}\n`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    from.end();
  })();
  const through = readAll(to, { timeoutMs: 120_000 });
  const end = async (): Promise<number> => {
    over.abort();
    await talk;
    for (const [me, peerOf] of [
      [one, other],
      [other, one],
    ] as const) {
      const heard: string[] = [];
      while (heard.length < count) {
        const { login, msg } = await me.next(3);
        if (login === peerOf.name) heard.push(msg);
      }
      expect(heard).toEqual(Array.from({ length: count }, (_, i) => `all ${i}`));
      for (let i = 0; i < count; i++) expect(await me.next(4)).toMatchObject({ msg: `one ${i}` });
    }
    expect((await through).toString()).toBe(Array.from({ length: count }, (_, i) => `${i}\n`).join(''));
    return count;
  };
  return { end };
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

  test.skipIf(NO_NATS)('of a cluster loses nothing of those who are at the other nodes', async () => {
    const nats = await startNats();
    const more = ['a', 'b', 'c'].map((node) => [
      '--config',
      nodeConfig(nats.url, node, {}),
      '--state',
      `${LAB}/rolling-${node}`,
    ]);
    const nodes = await Promise.all(more.map((args) => startNode(undefined, undefined, args)));
    const portOf = (index: number): number => Number(/:(\d+)$/.exec(nodes[index % 3]!.at)![1]);
    const heard: number[] = [];
    const PATH = await standIns(async (name) => {
      const index = nodes.findIndex((node) => node.name === name);
      const { command, at } = nodes[index]!;
      const ports = [portOf(index + 1), portOf(index + 2)] as const;
      const stayers = await Promise.all(ports.map((port, i) => peer(port, `stayer-${index}-${i}`)));
      const [one, other] = stayers as [RfcPeer, RfcPeer];
      const halves = await Promise.all([ask(one, ports[0], other.name), acceptNext(other, ports[1])]);
      const leaver = await peer(portOf(index), `leaver-${index}`);
      const chat = chatBetween(one, other, halves[0].half, halves[1].half);
      command.kill('SIGTERM');
      expect(await command.exit()).toMatchObject({ status: 0 });
      await leaver.ended;
      // It comes back at another one, with the same login, at once.
      await peer(ports[0], leaver.name);
      nodes[index] = await startNode(at, name, more[index]);
      heard.push(await chat.end());
    });
    const names = nodes.slice(1).map(({ name }) => name);
    const script = startProgram('sh', [SCRIPT, ...names], { env: { PATH, READY, WAIT: '30' } });
    expect(await script.exit()).toMatchObject({ status: 0, stderr: '' });
    expect(heard.length).toBe(2);
    for (const count of heard) expect(count).toBeGreaterThan(10);
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

  test('waits for the links of a node to the others, and goes no further where they stay cut', async () => {
    const cut = 'ok\nnode b: lease held\nNATS is reachable\n2 other nodes, c not reached for 3 s\n1 of 2 links up\n';
    const unlinked = cut.replace(', c not reached for 3 s\n1 of 2', '\n0 of 0');
    const whole = cut.replace(', c not reached for 3 s\n1 of 2', '\n2 of 2');
    const after = new Map([
      ['/a/readyz', [null, unlinked, cut, whole]],
      ['/b/readyz', [cut]],
    ]);
    const restarted: string[] = [];
    const status = createServer((request, response) => {
      const url = request.url!;
      const answers = restarted.includes(url.split('/')[1]!) ? after.get(url)! : [whole];
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer === null) response.socket!.destroy();
      else response.end(answer);
    }).listen(0, '127.0.0.1');
    await once(status, 'listening');
    onTestFinished(() => void status.close());
    // Time goes on by a second whenever it is asked for.
    const ticks = labFile('rolling-ticks', '');
    const date = `printf x >> '${ticks}'; exec wc -c < '${ticks}'`;
    const PATH = await standIns(async (name) => void restarted.push(name), { date, sleep: 'exit 0' });
    const at = `http://127.0.0.1:${(status.address() as AddressInfo).port}/$NODE/readyz`;
    const env = { PATH, READY: at, WAIT: '5' };
    const ended = await startProgram('sh', [SCRIPT, 'a', 'b', 'c'], { env }).exit();
    expect(ended).toMatchObject({ status: 1, stdout: 'a: restarting\na: ready\nb: restarting\n' });
    expect(ended.stderr).toBe(
      'b is not ready after 5 s: the nodes behind it were not restarted\n2 other nodes, c not reached for 3 s; 1 of its 2 links are up\n',
    );
    expect(restarted).toEqual(['a', 'b']);
  });
});

test('a rolling restart of no nodes says how it is used', () => {
  expect(spawnSync('sh', [SCRIPT], { encoding: 'utf8' })).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/^usage: .*rolling-restart\.sh NODE…\n$/),
  });
});
