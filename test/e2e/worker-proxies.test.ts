/** Connections that come over a proxy to a server of two workers (P20): each has its own address, at whichever worker. */
import type { Socket } from 'node:net';
import tls from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { long, packet, RfcPeer } from '../support/rfc-peer.ts';
import { endOf, hashOf, hashToEnd, openSocket, pattern, Pump, readExactly } from '../support/server-sockets.ts';
import { LAB, labFile } from './chatosbot.ts';
import { runShared } from './shared-process.ts';
import { startTwo } from './worker-processes.ts';

const CONTROL = `${LAB}/proxied.sock`;

/** What a proxy says first of a client at 192.0.2.N: v1 as text, v2 for even ones. */
function header(host: number): Buffer {
  if (host % 2 === 1) return Buffer.from(`PROXY TCP4 192.0.2.${host} 127.0.0.1 49374 7779\r\n`);
  const [before, after] = ['0d0a0d0a000d0a515549540a2111000cc00002', '7f000001c0de1e63'];
  return Buffer.concat([Buffer.from(before, 'hex'), Buffer.from([host]), Buffer.from(after, 'hex')]);
}

async function startProxied(limits = '') {
  const text = `serve: { proxies: [127.0.0.1], limits: { ${limits} } }\n`;
  const listen = ['--listen', '127.0.0.1:0?proxy=any', '--listen', 'tls://127.0.0.1:0?proxy=any'];
  const own = ['--state', `${LAB}/proxied`, '--control', CONTROL];
  const server = await startTwo([...listen, ...own], labFile('worker-proxies.yaml', text));
  const portOf = async (address: RegExp): Promise<number> => Number((await server.command.line(address))[1]);
  const ports = {
    tcp: await portOf(/listening on tcp:\/\/127\.0\.0\.1:(\d+)\?proxy=any/),
    tls: await portOf(/listening on tls:\/\/127\.0\.0\.1:(\d+)\?.*proxy=any/),
  };
  const open = async (host: number, carrier: 'tcp' | 'tls' = 'tcp'): Promise<Socket> => {
    const socket = await openSocket(ports[carrier]);
    socket.write(header(host));
    if (carrier === 'tcp') return socket;
    const secure = tls.connect({ socket, rejectUnauthorized: false }).on('error', () => undefined);
    onTestFinished(() => void secure.destroy());
    return secure;
  };
  const join = async (login: string, host: number): Promise<RfcPeer> => {
    const me = RfcPeer.over(await open(host));
    if (!(await me.login(login))) throw new Error(`${login} was refused`);
    return me;
  };
  return { ...server, open, join };
}

test('[P20] halves that come over a proxy keep their addresses and all bytes, whichever workers they come to', async () => {
  const { command, open, join } = await startProxied();
  const [alice, bob] = [await join('alice', 7), await join('bob', 8)];
  await command.line(/logged in login=alice from=192\.0\.2\.7/);
  await command.line(/logged in login=bob from=192\.0\.2\.8/);
  for (let way = 0; way < 8; way++) {
    alice.request('bob');
    await bob.next(5);
    bob.ok('alice');
    const { connectId } = await alice.next(8);
    await bob.next(8);
    // Connections go to the workers by turns: with one more, those to come are at others.
    if (way & 1) await open(9);
    const one = await open(7, way & 4 ? 'tls' : 'tcp');
    one.write(packet(9, long(connectId)));
    if (way & 2) await open(9);
    const halves = [one, await open(8)] as const;
    halves[1].write(packet(9, long(connectId)));
    for (const half of halves) expect(await readExactly(half, 1)).toEqual(Buffer.from([10]));
    const listed = await runShared(['ctl', 'channels', '--json', '--control', CONTROL]);
    expect([...listed.stdout.matchAll(/192\.0\.2\.\d+/g)].map(String).toSorted()).toEqual(['192.0.2.7', '192.0.2.8']);
    const sent = halves.map((_, index) => pattern(512 * 1024, way + 8 * index));
    const heard = halves.map((half) => hashToEnd(half));
    await Promise.all(halves.map((half, index) => new Pump(half, sent[index]!).done));
    for (const half of halves) half.end();
    expect(await Promise.all(heard)).toEqual([hashOf(sent[1]!), hashOf(sent[0]!)]);
  }
});

test('[P19][P20] behind a proxy, each address has its own limit, at both workers together', async () => {
  const { command, open, join } = await startProxied('maxConnectionsPerAddress: 3');
  for (let i = 0; i < 3; i++) await join(`user-${i}`, 7);
  // What has come to one worker is known at the other some milliseconds later.
  for (let refused = 0; refused < 4;) {
    const socket = await open(7);
    const isRefused = await Promise.race([
      endOf(socket).then(() => true),
      new Promise<false>((resolve) => setTimeout(resolve, 500, false)),
    ]);
    refused = isRefused ? refused + 1 : 0;
    socket.destroy();
  }
  await command.line(/connection refused: too many of its address from=192\.0\.2\.7/);
  for (let i = 0; i < 3; i++) expect((await join(`other-${i}`, 8)).name).toBe(`other-${i}`);
});
