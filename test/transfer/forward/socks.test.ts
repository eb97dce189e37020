import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { readSocksRequest } from '../../../src/transfer/forward/socks.ts';
import { within } from '../../support/server-sockets.ts';

/** Both ends of a connection: a client, and what the proxy has accepted, paused. */
async function ends(): Promise<{ client: Socket; accepted: Socket }> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  const [accepted] = (await once(server, 'connection')) as [Socket];
  for (const socket of [client, accepted]) socket.on('error', () => undefined);
  onTestFinished(() => {
    client.destroy();
    accepted.destroy();
    server.close();
  });
  return { client, accepted };
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const GREETING = '05 01 00';

async function answersOf(client: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of client as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('hex');
}

test.each([
  ['an IPv4 address', '05 01 00 01 0a 00 00 07 00 50', '10.0.0.7'],
  ['an IPv6 address', '05 01 00 04 2001 0db8 0000 0000 0000 0000 0000 0001 00 50', '2001:db8::1'],
  ['an IPv4 address in IPv6', '05 01 00 04 0000 0000 0000 0000 0000 ffff 7f00 0001 00 50', '127.0.0.1'],
  ['a name', '05 01 00 03 09 4c6f63616c686f7374 00 50', 'localhost'],
  ['an address as a name', '05 01 00 03 03 3a3a31 00 50', '::1'],
])('a client may connect to %s', async (_what, request, host) => {
  const { client, accepted } = await ends();
  client.write(hex(`${GREETING} ${request}`));
  expect(await readSocksRequest(accepted, 5_000)).toMatchObject({ target: { host, port: 80 } });
});

test('nothing waits any more for a request that has come', async () => {
  const { client, accepted } = await ends();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  client.write(hex(`${GREETING} 05 01 00 01 0a 00 00 07 00 50`));
  const request = await readSocksRequest(accepted, 5_000);
  expect(vi.getTimerCount()).toBe(0);
  request!.refuse('failed');
  expect(vi.getTimerCount()).toBe(1);
  const closed = once(accepted, 'close');
  client.resume().end();
  await closed;
  expect(vi.getTimerCount()).toBe(0);
});

test('a request may come byte by byte, and what follows it stays for the target', async () => {
  const { client, accepted } = await ends();
  client.setNoDelay(true);
  const reading = readSocksRequest(accepted, 5_000);
  for (const byte of hex(`05 02 02 00 05 01 00 03 01 61 00 50`)) {
    client.write(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
  client.end('early');
  const request = await reading;
  expect(request?.target).toEqual({ host: 'a', port: 80 });
  const chunks: Buffer[] = [];
  for await (const chunk of accepted.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) chunks.push(chunk);
  expect(String(Buffer.concat(chunks))).toBe('early');
});

test.each([
  ['BIND', '05 02 00 01 0a 00 00 07 00 50', '0500 05070001000000000000'],
  ['UDP ASSOCIATE', '05 03 00 01 0a 00 00 07 00 50', '0500 05070001000000000000'],
  ['an unknown type of address', '05 01 00 02 0a 00 00 07 00 50', '0500 05080001000000000000'],
  ['a name that is none', '05 01 00 03 03 61 20 62 00 50', '0500 05010001000000000000'],
  ['127.1', '05 01 00 03 05 3132372e31 00 50', '0500 05010001000000000000'],
  ['port 0', '05 01 00 03 01 61 00 00', '0500 05010001000000000000'],
])('a client that wants %s is answered, and its connection ended with it', async (_what, request, answer) => {
  const { client, accepted } = await ends();
  const closed = once(accepted, 'close');
  // Nothing waits for the time in which a client may read the answer.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  client.write(hex(`${GREETING} ${request}`));
  expect(await readSocksRequest(accepted, 5_000)).toBeUndefined();
  client.end('more');
  await within(closed, 'the end of the connection');
  expect(await answersOf(client)).toBe(hex(answer).toString('hex'));
});

test.each([
  ['with a password only', '05 01 02', '05ff'],
  ['of SOCKS 4', '04 01 00 50 0a 00 00 07 00', '005b000000000000'],
  ['of HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n').toString('hex'), Buffer.from('HTTP/1.0 501').toString('hex')],
  ['of nothing known', 'ff ff ff', ''],
])('a client %s is refused in its own language', async (_what, sent, answer) => {
  const { client, accepted } = await ends();
  client.end(hex(sent));
  expect(await readSocksRequest(accepted, 5_000)).toBeUndefined();
  expect((await answersOf(client)).slice(0, Math.max(answer.length, 2))).toBe(answer);
});

test('a client that says nothing in time, or leaves, is given up', async () => {
  const { client, accepted } = await ends();
  client.write(hex(GREETING));
  expect(await readSocksRequest(accepted, 50)).toBeUndefined();
  expect(accepted.destroyed).toBe(true);
  const other = await ends();
  other.client.end(hex('05 01'));
  expect(await readSocksRequest(other.accepted, 5_000)).toBeUndefined();
});

test('a refusal says why', async () => {
  const { client, accepted } = await ends();
  client.write(hex(`${GREETING} 05 01 00 03 01 61 00 50`));
  const request = await readSocksRequest(accepted, 5_000);
  request!.refuse('not-permitted');
  client.end();
  expect(await answersOf(client)).toBe('050005020001000000000000');
});

test('a connection whose request was read keeps no listener and no time limit, nor one that has read a refusal', async () => {
  const { client, accepted } = await ends();
  const listeners = (): number[] => ['data', 'end', 'close'].map((event) => accepted.listenerCount(event));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const before = listeners();
  client.write(hex(`${GREETING} 05 01 00 03 01 61 00 50`));
  const request = await readSocksRequest(accepted, 5_000);
  expect([listeners(), vi.getTimerCount()]).toEqual([before, 0]);
  request!.refuse('failed');
  client.end().resume();
  await once(accepted, 'close');
  expect(vi.getTimerCount()).toBe(0);
});
