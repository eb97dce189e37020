import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it, onTestFinished } from 'vitest';
import { bundled } from '../support/bundled.ts';
import { FakeServer, within } from '../support/fake-server.ts';
import { long, packet, str } from '../support/rfc-peer.ts';
import { connect, startServer } from './real-server.ts';
import { STAGES, type Servers } from './ending-stages.ts';

const PROGRAM = await bundled(new URL('ending-stages.ts', import.meta.url));
/** The process begins late where others work too. */
const PATIENCE_MS = 30_000;

/** Accepts logins, gives the connect id 1 for each request, and tells the client when its half waits. */
async function serveStuck(fake: FakeServer): Promise<void> {
  for (;;) {
    const session = await fake.connection(PATIENCE_MS);
    await session.next(0);
    session.send(packet(1));
    await session.next(5);
    session.send(packet(8, str('alice'), str('bob'), long(1n)));
    await (await fake.connection()).next(9);
    session.send(packet(3, str('bob'), str('I wait')));
  }
}

async function startServers(): Promise<Servers> {
  const [silent, stuck, closed] = [await FakeServer.listen(), await FakeServer.listen(), await FakeServer.listen()];
  const { address } = await startServer();
  await connect(address, 'taken');
  const bob = await connect(address, 'bob');
  bob.on('request', (request) => {
    void request.accept().then(
      (channel) => channel.on('error', () => undefined).pipe(channel),
      () => undefined,
    );
  });
  serveStuck(stuck).catch(() => undefined);
  await closed.close();
  return {
    real: address,
    silent: `127.0.0.1:${silent.port}`,
    stuck: `127.0.0.1:${stuck.port}`,
    closed: `127.0.0.1:${closed.port}`,
  };
}

it('ChatosClient, ended at any stage, leaves nothing open, and the process ends by itself', async () => {
  const servers = await startServers();
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(servers)]);
  onTestFinished(() => void child.kill('SIGKILL'));
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += String(chunk)));
  child.stderr.on('data', (chunk: Buffer) => (err += String(chunk)));
  const [status] = (await within(once(child, 'close'), 'the end of the process', PATIENCE_MS).catch((error: Error) => [
    error.message,
  ])) as [unknown];

  const reports = out.split('\n').filter(Boolean);
  const results = reports.map((line) => JSON.parse(line) as { stage: string; how: string; left: string[] });
  expect(results.filter(({ left }) => left.length > 0)).toEqual([]);
  expect(new Set(results.filter(({ how }) => how === 'destroy').map(({ stage }) => stage))).toEqual(
    new Set(Object.keys(STAGES)),
  );
  expect({ status, err }).toEqual({ status: 0, err: '' });
});
