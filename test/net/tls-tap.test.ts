import { once } from 'node:events';
import net from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { TlsTap } from '../../src/net/tls-tap.ts';

async function tapped() {
  const server = net.createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const raw = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const [peer] = (await once(server, 'connection')) as [net.Socket];
  server.close();
  const tap = new TlsTap(raw, () => undefined);
  onTestFinished(() => {
    for (const each of [tap, raw, peer]) each.destroy();
  });
  return { raw, peer, tap };
}

it('a connection that breaks behind the end of one side has nothing more to say', async () => {
  const ours = await tapped();
  ours.tap.end();
  await once(ours.raw, 'finish');
  ours.raw.destroy();
  await once(ours.tap, 'close');
  const theirs = await tapped();
  theirs.tap.resume();
  theirs.peer.end();
  await once(theirs.raw, 'end');
  theirs.raw.destroy();
  await once(theirs.tap, 'close');
  expect([ours.tap.destroyed, theirs.tap.destroyed]).toEqual([true, true]);
});

it('what has not been taken is still to come when the connection has ended on both sides', async () => {
  const { raw, peer, tap } = await tapped();
  peer.end('the last words');
  tap.end();
  await once(tap, 'readable');
  raw.resume();
  await once(raw, 'close');
  expect(tap.destroyed).toBe(false);
  expect(String(tap.read())).toBe('the last words');
});

it('an end comes behind what TLS is given in later turns', async () => {
  const { peer, tap } = await tapped();
  let given = 0;
  tap.onGiven = () => 1;
  tap.on('data', (piece: Buffer) => (given += piece.length));
  peer.end(Buffer.alloc(100_000));
  await once(tap, 'end');
  expect(given).toBe(100_000);
});

it('what TLS says behind its end is dropped, and counts as written', async () => {
  const { raw, tap } = await tapped();
  tap.end();
  await new Promise<void>((resolve) => tap.write(Buffer.from('new keys'), () => resolve()));
  expect(raw.bytesWritten).toBe(0);
});
