import { once } from 'node:events';
import net from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openHalf, packet, RfcPeer, str } from '../support/rfc-peer.ts';
import { endOf, knock } from '../support/server-sockets.ts';
import { halfTls } from '../support/tls-clients.ts';
import { LAB, labFile } from './chatosbot.ts';
import { ask, acceptNext, peer } from './peers.ts';
import { startTwo } from './worker-processes.ts';

/** A server of two workers with these limits, for which nobody is exempt. */
function startWith(name: string, limits: string) {
  return startTwo([], labFile(`${name}.yaml`, `serve: { limits: { ${limits} } }\n`));
}

/** Whether a connection is closed at once; otherwise, it is closed here. */
async function isRefused(port: number): Promise<boolean> {
  const socket = net.connect({ port, host: '127.0.0.1' }).on('error', () => undefined);
  await once(socket, 'connect');
  const closed = once(socket.resume(), 'close').then(() => true);
  const refused = await Promise.race([closed, new Promise<false>((resolve) => setTimeout(resolve, 500, false))]);
  socket.destroy();
  await closed;
  return refused;
}

test('[P19] an address has as many connections at all workers as it may have', async () => {
  const { command, port } = await startWith('connections', 'maxConnectionsPerAddress: 10');
  const all = [];
  for (let i = 0; i < 10; i++) all.push(await peer(port, `user-${i}`));
  // What has come to one worker is known at the other some milliseconds later.
  for (let refused = 0; refused < 4;) refused = (await isRefused(port)) ? refused + 1 : 0;
  await command.line(/connection refused: too many of its address/);
  // With each that leaves, another one has room, whichever worker it comes to.
  for (const [index, each] of all.slice(0, 4).entries()) {
    each.end();
    await each.ended;
    const later = await vi.waitUntil(() => peer(port, `later-${index}`).catch(() => undefined), 10_000);
    expect(later.name).toBe(`later-${index}`);
  }
});

/** The connect id of a private connection that one asks the other for. */
async function agree(alice: RfcPeer, bob: RfcPeer): Promise<bigint> {
  alice.request('bob');
  await bob.next(5);
  bob.ok('alice');
  const { connectId } = await alice.next(8);
  await bob.next(8);
  return connectId;
}

test('[P12][P19] an address that has all its connections opens its halves, whichever workers they come to', async () => {
  const { port } = await startWith('halves', 'maxConnectionsPerAddress: 2');
  const [alice, bob] = [await peer(port, 'alice'), await peer(port, 'bob')];
  for (let refused = 0; refused < 4;) refused = (await isRefused(port)) ? refused + 1 : 0;
  for (let times = 0; times < 4; times++) {
    const connectId = await agree(alice, bob);
    const halves = await Promise.all([openHalf(port, connectId), openHalf(port, connectId)]);
    for (const half of halves) half.end();
    const ends = halves.map(endOf);
    expect(await Promise.all(ends)).toEqual(['FIN', 'FIN']);
  }
});

test('[P19] halves that are relayed to the worker of their channel are none of the connections of an address', async () => {
  const limits = labFile('relayed.yaml', 'serve: { limits: { maxConnectionsPerAddress: 8 } }\n');
  const { command, port } = await startTwo(['--listen', 'tls://127.0.0.1:0', '--state', `${LAB}/relayed`], limits);
  const [, tlsPort] = await command.line(/listening on tls:\/\/127\.0\.0\.1:(\d+)/);
  const [alice, bob] = [await peer(port, 'alice'), await peer(port, 'bob')];
  for (let times = 0; times < 4; times++) {
    const connectId = await agree(alice, bob);
    await Promise.all([halfTls(Number(tlsPort), connectId), halfTls(Number(tlsPort), connectId)]);
  }
  for (let i = 0; i < 6; i++) expect((await peer(port, `user-${i}`)).name).toBe(`user-${i}`);
});

test('[P17] the rate of an address is that of what it sends to all workers', async () => {
  const rates = 'bytesPerSecondPerAddress: 10000, byteBurstPerAddress: 20000';
  const { port } = await startWith('rates', `${rates}, bytesPerSecond: none, messagesPerSecond: none`);
  const [one, two] = [await peer(port, 'one'), await peer(port, 'two')];
  const reader = await RfcPeer.connect(port);
  onTestFinished(reader.destroy);
  await reader.login('reader');
  let bytes = 0;
  reader.socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
  const startedAt = performance.now();
  for (const from of [one, two]) {
    const frame = packet(4, str(from.name), str('reader'), str('x'.repeat(500)));
    from.send(Buffer.concat(Array<Buffer>(400).fill(frame)));
  }
  await vi.waitFor(() => expect(bytes).toBeGreaterThan(60_000), { timeout: 20_000, interval: 5 });
  const seconds = (performance.now() - startedAt) / 1000;
  // A burst and the rate, as with one process. If each kept them alone, it would have taken a second.
  expect(seconds).toBeGreaterThan((60_000 - 20_000) / 10_000 - 0.5);
});

test('[P12] an address that guesses connect ids is shut out by each worker, for the ids of all', async () => {
  const { command, port } = await startWith('guesses', 'maxWrongIdsPerMinute: 4');
  const [alice, bob] = [await peer(port, 'alice'), await peer(port, 'bob')];
  const elsewhere = { localAddress: '127.0.0.2' };
  for (let guess = 1n; guess <= 12n; guess++) await endOf(await knock(port, guess * 1_000_003n, elsewhere));
  for (let worker = 0; worker < 2; worker++) await command.line(/shut out of channels for a minute/);
  for (const [from, to] of [
    [alice, bob],
    [bob, alice],
  ] as const) {
    from.request(to.name);
    await to.next(5);
    to.ok(from.name);
    const { connectId } = await from.next(8);
    await to.next(8);
    // Two, so that each worker is asked: both know the id, and let nobody in from there.
    for (let times = 0; times < 2; times++) {
      const half = await knock(port, connectId, elsewhere);
      await endOf(half);
      expect(half.bytesRead).toBe(0);
    }
    for (const half of await Promise.all([openHalf(port, connectId), openHalf(port, connectId)])) half.destroy();
  }
  // It is still let in with an id of its own.
  const carol = await peer(port, 'carol', elsewhere);
  const [own] = await Promise.all([ask(carol, port, 'alice'), acceptNext(alice, port)]);
  expect(own.half.destroyed).toBe(false);
});
