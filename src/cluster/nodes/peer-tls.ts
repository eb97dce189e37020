import type { Socket } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { PSK_TLS } from '../../net/psk-tls.ts';
import { ABORTED_EARLY, failedBecause, PeerFailure, WRONG_SECRET } from './peer-failure.ts';
import { isUnlike, unlike } from './unlike.ts';

const IDENTITY = 'chatosbot node';

/**
 * TLS 1.3 between two nodes, by the key that both have from the cluster's secret, with fresh keys for each connection.
 * Rejects with a {@link PeerFailure}; the socket is closed then.
 */
export function secureCaller(socket: Socket, psk: Uint8Array): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const tls = connect({
      ...PSK_TLS,
      socket,
      pskCallback: () => ({ psk, identity: IDENTITY }),
      // Called for a certificate only, and there must be none.
      checkServerIdentity: () => new Error('the other node has shown a certificate'),
    });
    settle(tls, reject);
    tls.once('secureConnect', () => accept(tls, resolve, reject));
  });
}

/** The same at the other side. By a server: a bare `TLSSocket` would keep quiet about records that were changed. */
export function secureAnswerer(socket: Socket, psk: Uint8Array): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const server = createServer({ ...PSK_TLS, pskCallback: (_, identity) => (identity === IDENTITY ? psk : null) });
    server.once('secureConnection', (tls) => {
      tls.on('error', () => undefined);
      accept(tls, resolve, reject);
    });
    server.once('tlsClientError', (error, tls) => {
      tls.on('error', () => undefined).destroy();
      reject(failureOf(error));
    });
    server.emit('connection', socket);
  });
}

function settle(tls: TLSSocket, reject: (why: PeerFailure) => void): void {
  tls.on('error', (error) => reject(failureOf(error)));
  tls.once('close', () => reject(new PeerFailure(ABORTED_EARLY)));
}

/** A key of both is as good as a session of before: without one, there would have been a certificate. */
function accept(tls: TLSSocket, resolve: (tls: TLSSocket) => void, reject: (why: PeerFailure) => void): void {
  if (tls.isSessionReused()) return resolve(tls);
  tls.destroy();
  return reject(new PeerFailure(WRONG_SECRET));
}

/** What OpenSSL calls a key that does not fit: at this side, and in what the other side says of it. */
const WRONG_KEY =
  /BINDER|DECRYPT_ERROR|ILLEGAL_PARAMETER|HANDSHAKE_FAILURE|NO_SUITABLE|BAD_RECORD_MAC|DECRYPTION_FAILED/i;

function failureOf(error: NodeJS.ErrnoException): PeerFailure {
  if (isUnlike(error)) return unlike(true);
  return WRONG_KEY.test(`${error.code} ${error.message}`) ? new PeerFailure(WRONG_SECRET) : failedBecause(error);
}
