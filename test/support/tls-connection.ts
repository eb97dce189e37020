/** A TLS connection over real sockets, of our own transports at both ends. */
import type { Socket } from 'node:net';
import { TcpTransport } from '../../src/net/tcp-transport.ts';
import { secure } from '../../src/net/tls-client.ts';
import { TlsServer } from '../../src/net/tls-server.ts';
import type { TlsTransport } from '../../src/net/tls-transport.ts';
import { testCertificate } from './certificates.ts';

/** Resolves once the handshake is done on both sides. */
export async function secured(clientSocket: Socket, serverSocket: Socket) {
  const certificate = await testCertificate();
  const server = new TlsServer(certificate, 10_000);
  const ours = new Promise<TlsTransport>((resolve, reject) => {
    server.accept(new TcpTransport(serverSocket), 'test', {
      onSecure: resolve,
      onFailed: (why, detail) => reject(new Error(`${why}: ${detail}`)),
    });
  });
  const client = new Promise<TlsTransport>((resolve, reject) => {
    secure(new TcpTransport(clientSocket), {
      options: { rejectUnauthorized: false },
      check: () => undefined,
      onSecure: resolve,
      onFailed: reject,
    });
  });
  const [at, from] = await Promise.all([ours, client]);
  return { client: from, ours: at };
}
