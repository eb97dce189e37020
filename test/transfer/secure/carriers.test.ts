/** Encryption between two clients, whatever their connections to the server are: TLS runs right on those that are plain. */
import { randomBytes } from 'node:crypto';
import { expect, it, onTestFinished } from 'vitest';
import { formatAddress } from '../../../src/net/address.ts';
import { ChatosServer } from '../../../src/server/server.ts';
import { makeSecret, parseSecret } from '../../../src/transfer/secure/secret.ts';
import type { SecureChannel } from '../../../src/transfer/secure/secure-channel.ts';
import { secureChannel } from '../../../src/transfer/secure/secure.ts';
import { withResolvers } from '../../../src/util/deferred.ts';
import { connect, failure, openChannel } from '../../client/real-server.ts';
import { issue } from '../../support/issued.ts';

type Carrier = 'tcp' | 'tls';
const WAYS: readonly (readonly [Carrier, Carrier])[] = [
  ['tcp', 'tcp'],
  ['tcp', 'tls'],
  ['tls', 'tcp'],
];
const SIZE = 1.5 * 1024 * 1024;

/** A channel between two clients of one server, and the same encrypted. */
async function open(carriers: readonly [Carrier, Carrier]) {
  const certificate = await issue({ hosts: ['127.0.0.1'] });
  const server = new ChatosServer({ tls: certificate });
  onTestFinished(() => server.close());
  const addresses = {
    tcp: formatAddress(await server.listen('127.0.0.1:0')),
    tls: formatAddress({ ...(await server.listen('tls://127.0.0.1:0')), pin: certificate.pin }),
  };
  const alice = await connect(addresses[carriers[0]], 'alice');
  const bob = await connect(addresses[carriers[1]], 'bob');
  const channels = await openChannel(alice, bob);
  const secret = parseSecret(makeSecret());
  const [here, there] = await Promise.all(channels.map((channel) => secureChannel(channel, secret)));
  return { channels, here: here!, there: there! };
}

async function everything(from: SecureChannel): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of from) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Writes, and waits until the system has taken it. */
function write(to: SecureChannel, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => void to.write(bytes, (error) => (error ? reject(error) : resolve())));
}

it.each(WAYS)('carries both directions, each to its own end, over %s and %s', async (...carriers) => {
  const { here, there } = await open(carriers);
  const [question, answer, more] = [randomBytes(SIZE), randomBytes(SIZE), randomBytes(100)];
  const [heardThere, heardHere] = [everything(there), everything(here)];
  here.end(question);
  await write(there, answer);
  expect((await heardThere).equals(question)).toBe(true);
  // Its end does not end the other direction.
  there.end(more);
  expect((await heardHere).equals(Buffer.concat([answer, more]))).toBe(true);
  expect([here.bytesSent, here.bytesReceived]).toEqual([SIZE, SIZE + more.length]);
});

it.each(WAYS)('reads no more than there is room for, over %s and %s', async (...carriers) => {
  const { channels, here, there } = await open(carriers);
  let isWritten = false;
  const all = write(here, randomBytes(32 * 1024 * 1024)).then(() => (isWritten = true));
  const [, reader] = channels;
  for (let before = -1; before !== reader.bytesReceived || before === 0;) {
    before = reader.bytesReceived;
    await write(there, Buffer.from('.'));
    await new Promise((resolve) => here.once('data', resolve));
  }
  expect(isWritten).toBe(false);
  expect(there.readableLength).toBeLessThan(4 * 1024 * 1024);
  there.resume();
  await all;
});

it.each(WAYS)('ends when the last bytes are taken, however late that is, over %s and %s', async (...carriers) => {
  const { channels, here, there } = await open(carriers);
  const bytes = randomBytes(SIZE);
  const { promise: taken, resolve: take } = withResolvers<void>();
  const pieces: Buffer[] = [];
  const read = there.readLent((piece) => {
    pieces.push(Buffer.from(piece));
    return taken;
  });
  const over = new Promise((resolve) => channels[0].once('close', resolve));
  here.end(bytes.subarray(0, 20_000));
  there.end();
  here.resume();
  await over;
  take();
  await read;
  expect(Buffer.concat(pieces).equals(bytes.subarray(0, 20_000))).toBe(true);
});

it.each(WAYS)('tells a break from an end, over %s and %s', async (...carriers) => {
  const { here, there } = await open(carriers);
  const heard = failure(everything(there));
  await write(here, randomBytes(1000));
  here.destroy();
  expect(await heard).toMatchObject({ code: 'CHANNEL_ABORTED' });
});

it.each(WAYS)('hears of a break behind an end, though nothing is written, over %s and %s', async (...carriers) => {
  const { here, there } = await open(carriers);
  const broken = new Promise((resolve) => there.once('error', resolve));
  here.end('all that is said');
  expect(String(await everything(there))).toBe('all that is said');
  here.destroy();
  expect(await broken).toMatchObject({ code: 'CHANNEL_ABORTED' });
});

it('says after how many bytes a stream was cut whose peer has ended its connection alone', async () => {
  const { channels, here, there } = await open(['tcp', 'tcp']);
  const heard = failure(everything(there));
  await write(here, randomBytes(1000));
  channels[0].end();
  expect(await heard).toMatchObject({ code: 'DATA_INCOMPLETE', message: expect.stringContaining('1000') });
});
