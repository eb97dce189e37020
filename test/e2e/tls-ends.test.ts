import { once } from 'node:events';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Channel } from '../../src/client/index.ts';
import { connect, ending, openChannel } from '../client/real-server.ts';
import { ownAddress } from '../support/own-port.ts';
import { LAB, start } from './chatosbot.ts';

let servers = 0;

/** A server in a process of its own, with a TLS port and a plain one. */
async function startBoth(state = `tls-ends-${(servers += 1)}`, at?: string) {
  const listen = ['--listen', `tls://${at ?? (await ownAddress())}`, '--listen', '127.0.0.1:0'];
  const command = start(['serve', ...listen, '--state', path.join(LAB, state)]);
  const [[, secure], [, plain]] = await Promise.all([
    command.line(/listening on (tls:\S+)/),
    command.line(/listening on (tcp:\S+)/),
  ]);
  return { command, state, tls: secure!, plain: plain! };
}

type Server = Awaited<ReturnType<typeof startBoth>>;

/** Both ends of a channel on which something has been said; the requester's first. */
async function talking(server: Server, from: 'tls' | 'plain', to: 'tls' | 'plain'): Promise<[Channel, Channel]> {
  const [alice, bob] = [await connect(server[from], 'alice'), await connect(server[to], 'bob')];
  const [here, there] = await openChannel(alice, bob);
  here.write('half of the ans');
  await once(there, 'readable');
  return [here, there];
}

describe.each([
  ['tls', 'tls'],
  ['tls', 'plain'],
  ['plain', 'tls'],
] as const)('[P14a] of a private connection from %s to %s', (from, to) => {
  test('the end is one, and the other direction stays open', async () => {
    const [here, there] = await talking(await startBoth(), from, to);
    const ends = [ending(there), ending(here)];
    here.end('wer');
    expect(await ends[0]).toBe('end');
    there.end('thanks');
    expect(await ends[1]).toBe('end');
  });

  test('an abort is one', async () => {
    const [here, there] = await talking(await startBoth(), from, to);
    const end = ending(there);
    here.destroy();
    expect(await end).toBe('CHANNEL_ABORTED');
  });

  test('the end of a server that is killed is an abort for both', async () => {
    const server = await startBoth();
    const ends = (await talking(server, from, to)).map((channel) => ending(channel));
    server.command.kill('SIGKILL');
    expect(await Promise.all(ends)).toEqual(['CHANNEL_ABORTED', 'CHANNEL_ABORTED']);
  });
});

test('a pipe over TLS goes on when the server is started again, with the same key at the same address', async () => {
  const first = await startBoth();
  const common = ['--reconnect', '--server', first.tls, '--json'];
  const listener = start(['pipe', '--listen', '--login', 'alice', ...common]);
  await listener.line(/"waiting"/);
  const sender = start(['pipe', 'alice', ...common], { input: 'open' });
  sender.type('before\n');
  await listener.line(/before/, 'stdout');
  first.command.kill('SIGKILL');
  await first.command.exit();
  await startBoth(first.state, /127\.0\.0\.1:\d+/.exec(first.tls)![0]);
  sender.stdin.end('and after');
  expect((await sender.exit()).status).toBe(0);
  expect(await listener.exit()).toMatchObject({ status: 0, stdout: 'before\nand after' });
});
