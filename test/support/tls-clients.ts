/** Clients over TLS that share no code with `src`: Node's own. */
import tls from 'node:tls';
import { onTestFinished } from 'vitest';
import { long, packet, RfcPeer, type LongBytes } from './rfc-peer.ts';
import { openSocket, readExactly, within } from './server-sockets.ts';

/** Its handshake is done; it keeps its half open behind an end, and is destroyed after the test. */
export async function openTls(port: number, options: tls.ConnectionOptions = {}): Promise<tls.TLSSocket> {
  const raw = await openSocket(port);
  const socket = tls.connect({ rejectUnauthorized: false, ...options, socket: raw });
  onTestFinished(() => void socket.destroy());
  await within(
    new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject)),
    `the handshake with ${port}`,
  );
  return socket.on('error', () => undefined);
}

/** An identified client. */
export async function joinTls(
  port: number,
  name: string,
  longBytes: LongBytes = 4,
  options?: tls.ConnectionOptions,
): Promise<RfcPeer> {
  const peer = RfcPeer.over(await openTls(port, options), longBytes);
  if (!(await peer.login(name))) throw new Error(`${name} was refused`);
  return peer;
}

/** A half that has been established; the bytes behind ESTABLISHED are in the stream. */
export async function halfTls(
  port: number,
  connectId: bigint,
  { longBytes = 4, early = '' }: { longBytes?: LongBytes; early?: string | Buffer } = {},
): Promise<tls.TLSSocket> {
  const socket = await openTls(port);
  socket.write(packet(9, long(connectId, longBytes), Buffer.from(early)));
  const [established] = await readExactly(socket, 1);
  if (established !== 10) throw new Error(`byte ${established} instead of ESTABLISHED`);
  return socket;
}
