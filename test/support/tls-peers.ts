/** Clients that come over TLS, with a certificate or without; no knowledge of how the server does it. */
import tls, { type TLSSocket } from 'node:tls';
import { onTestFinished } from 'vitest';
import { long, packet, RfcPeer } from './rfc-peer.ts';
import { within } from './server-sockets.ts';

/** Who comes: what it shows, in PEM, and where from. */
export interface Comer extends Pick<tls.ConnectionOptions, 'session' | 'maxVersion'> {
  /** Its certificate, then those that lead to its authority. */
  readonly cert?: string;
  readonly key?: string;
  readonly localAddress?: string;
}

/** A connection whose handshake is done; destroyed after the test. */
export async function openTls(port: number, comer: Comer = {}): Promise<TLSSocket> {
  const options = { port, host: '127.0.0.1', allowHalfOpen: true, rejectUnauthorized: false, ...comer };
  const socket = tls.connect(options as tls.ConnectionOptions);
  onTestFinished(() => void socket.destroy());
  const secured = new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  await within(secured, `a handshake with ${port}`);
  socket.on('error', () => undefined);
  return socket;
}

/** A client that has not said anything yet. */
export async function connectTls(port: number, comer?: Comer): Promise<RfcPeer> {
  return RfcPeer.over(await openTls(port, comer));
}

/** A half that has presented its connect id. */
export async function knockTls(port: number, connectId: bigint, comer?: Comer): Promise<TLSSocket> {
  const socket = await openTls(port, comer);
  socket.write(packet(9, long(connectId)));
  return socket;
}
