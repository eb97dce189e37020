import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ChatosError } from '../../src/errors.ts';
import { parseAddress } from '../../src/net/address.ts';
import { dial } from '../../src/net/dial.ts';
import { withResolvers } from '../../src/util/deferred.ts';
import { issue, type Issued } from '../support/issued.ts';
import { within } from '../support/server-sockets.ts';

const PIN = `sha256:${'A'.repeat(43)}`;

async function portOf(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return (server.address() as net.AddressInfo).port;
}

/** A server that answers the first bytes of a client by this. */
function answering(answer: (socket: net.Socket) => void): Promise<number> {
  return portOf(
    net.createServer((socket) => {
      onTestFinished(() => void socket.destroy());
      socket.on('error', () => undefined).once('data', () => answer(socket));
    }),
  );
}

/** Why a client does not get in there. */
async function failure(port: number, timeoutMs = 20_000, parameters = `?pin=${PIN}`): Promise<ChatosError> {
  const connected = dial(parseAddress(`tls://127.0.0.1:${port}${parameters}`), { timeoutMs });
  return connected.then(
    () => expect.fail('it was let in'),
    (error: unknown) => error as ChatosError,
  );
}

/** A record of a handshake message that says it has 16 MB. */
function hugeMessage(): Buffer {
  const record = Buffer.concat([Buffer.from('1603034000', 'hex'), Buffer.alloc(0x4000)]);
  record.writeUInt32BE(0x0bffffff, 5);
  return record;
}

const chains = new Map<number, Promise<Pick<Issued, 'cert' | 'key'>>>();

/** The same for all tests of this file. */
function chainOf(length: number): Promise<Pick<Issued, 'cert' | 'key'>> {
  const chain = chains.get(length) ?? makeChain(length);
  chains.set(length, chain);
  return chain;
}

async function makeChain(length: number): Promise<Pick<Issued, 'cert' | 'key'>> {
  let last = await issue({ name: '0', isAuthority: true });
  const certs = [last.cert];
  while (certs.length < length) {
    last = await issue({ name: String(certs.length), by: last, isAuthority: true });
    certs.unshift(last.cert);
  }
  return { cert: certs.join('\n'), key: last.key };
}

describe('a client gives up a TLS server', () => {
  it.each([
    ['by its pin', `?pin=${PIN}`],
    ['by authorities', ''],
  ])('that shows a chain of certificates without end, where it would trust it %s', async (_, parameters) => {
    const { cert, key } = await chainOf(12);
    // Nobody looks whether each has signed the one before.
    const endless = { cert: Array<string>(11).fill(cert).join('\n'), key };
    const port = await portOf(tls.createServer(endless, (socket) => socket.on('error', () => undefined)));
    expect(await failure(port, undefined, parameters)).toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringContaining(
        'the server has sent 32 KiB in a TLS handshake that is not done: too much for any certificate',
      ) as string,
    });
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('not for a chain as long as some are, with %s', async (version) => {
    const chain = await chainOf(12);
    const server = tls.createServer({ ...chain, maxVersion: version }, (socket) => socket.on('error', () => undefined));
    expect(await failure(await portOf(server))).toMatchObject({ code: 'NOT_TRUSTED', fields: { reason: 'wrong-pin' } });
  });

  it('that sends a message without end, and takes no memory for it', async () => {
    const record = hugeMessage();
    const port = await answering((socket) => {
      const more = (): void => {
        while (!socket.destroyed && socket.write(record));
      };
      socket.on('drain', more);
      more();
    });
    expect(await failure(port)).toMatchObject({ code: 'CONNECT_FAILED' });
  });

  it.each([
    ['says nothing', (): void => undefined],
    ['sends its first record byte by byte', (socket: net.Socket): void => drip(socket)],
  ])('that %s, within the time that it has, and lets its connection go', async (_, answer) => {
    const closed = withResolvers<void>();
    const port = await answering((socket) => {
      socket.once('close', () => closed.resolve());
      answer(socket);
    });
    const startedAt = performance.now();
    expect(await failure(port, 300)).toMatchObject({
      code: 'TIMED_OUT',
      message: expect.stringContaining(`no answer from tls://127.0.0.1:${port}`) as string,
    });
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    await within(closed.promise, 'the end of its connection');
  });
});

function drip(socket: net.Socket): void {
  const bytes = hugeMessage();
  let at = 0;
  const timer = setInterval(() => socket.write(bytes.subarray(at, (at += 1))), 5);
  socket.once('close', () => clearInterval(timer));
}
