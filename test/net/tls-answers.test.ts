/** What TLS answers by itself, to a client that asks for it and does not read: with the OpenSSL that Python finds. */
import { spawn, spawnSync } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { TcpTransport } from '../../src/net/tcp-transport.ts';
import { TlsServer } from '../../src/net/tls-server.ts';
import type { TlsTransport } from '../../src/net/tls-transport.ts';
import { testCertificate } from '../support/certificates.ts';
import { within } from '../support/server-sockets.ts';

const LIBRARY = 'import ctypes, ctypes.util; ssl = ctypes.CDLL(ctypes.util.find_library("ssl")); ssl.SSL_key_update';

/** Asks for so many new keys (RFC 8446, 4.6.3), be the server's end there or not, says `!`, and reads nothing else. */
const ASK = `
${LIBRARY}
import socket, sys, time
for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
    getattr(ssl, name).restype = ctypes.c_void_p
peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
context = ctypes.c_void_p(ssl.SSL_CTX_new(ctypes.c_void_p(ssl.TLS_client_method())))
tls = ctypes.c_void_p(ssl.SSL_new(context))
ssl.SSL_set_fd(tls, peer.fileno())
assert ssl.SSL_connect(tls) == 1
if sys.argv[3] == "after the end": ssl.SSL_read(tls, ctypes.create_string_buffer(1), 1)
for _ in range(int(sys.argv[2])):
    ssl.SSL_key_update(tls, 1)
    if ssl.SSL_do_handshake(tls) != 1: break
ssl.SSL_write(tls, b"!", 1)
if sys.argv[3] == "after the end": ssl.SSL_shutdown(tls)
time.sleep(60)
`;

/** A client that asks for so many new keys, as the server sees it; nothing that the server writes leaves, or it has ended its side. */
async function askedFor(
  count: number,
  when: 'at once' | 'after the end' | 'and reads' = 'at once',
): Promise<{ transport: TlsTransport; come: () => boolean }> {
  const tls = new TlsServer(await testCertificate(), 10_000);
  const server = createServer({ allowHalfOpen: true, highWaterMark: 1 });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const secured = new Promise<TlsTransport>((resolve, reject) => {
    server.once('connection', (socket) => {
      onTestFinished(() => void socket.destroy());
      tls.accept(new TcpTransport(socket), 'test', {
        onSecure: (transport) => {
          // As a system whose buffers are full.
          if (when === 'at once') socket.cork();
          else if (when === 'after the end') transport.stream.end();
          transport.stream.resume();
          resolve(transport);
        },
        onFailed: (why) => reject(new Error(why)),
      });
    });
  });
  const child = spawn('python3', ['-c', ASK, String((server.address() as AddressInfo).port), String(count), when]);
  onTestFinished(() => void child.kill());
  // Python looks for the library with other programs first.
  const transport = await within(secured, 'the handshake', 30_000);
  let hasCome = false;
  transport.stream.once('data', () => (hasCome = true));
  return { transport, come: () => hasCome };
}

const isMissing = spawnSync('python3', ['-c', LIBRARY]).status !== 0;

it.skipIf(isMissing)('[P18] a client that asks TLS for answers without end, and reads none, is cut', async () => {
  const { transport, come } = await askedFor(20_000);
  await expect.poll(() => transport.ending ?? come(), { timeout: 20_000 }).toBe('aborted');
});

it.skipIf(isMissing)('one that asks for new keys now and then is not', async () => {
  const { transport, come } = await askedFor(500);
  await expect.poll(() => transport.ending ?? come(), { timeout: 20_000 }).toBe(true);
});

it.skipIf(isMissing)('[P17] one that asks for more and more of them waits', async () => {
  const { transport, come } = await askedFor(2_500, 'and reads');
  const since = performance.now();
  await expect.poll(() => transport.ending ?? come(), { timeout: 20_000 }).toBe(true);
  // 65,000 bytes, of which 32 KiB are a burst, and the rest comes at 4 KiB a second.
  expect(performance.now() - since).toBeGreaterThan(1_000);
});

it.skipIf(isMissing)('[P14a] one that asks behind our end can still send something, and end in order', async () => {
  const { transport, come } = await askedFor(3, 'after the end');
  const ended = new Promise<void>((resolve) => transport.onEnd(resolve));
  await expect.poll(() => transport.ending, { timeout: 20_000 }).toBe('in order');
  expect(come()).toBe(true);
  await within(ended, 'its end');
});
