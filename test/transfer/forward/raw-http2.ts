/** HTTP/2 written by hand, for peers that break its rules. */
import { once } from 'node:events';
import type { Duplex } from 'node:stream';

export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
export const [DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION] = [0, 1, 3, 4, 6, 7, 9];
export const END_HEADERS = 4;

/** A frame of HTTP/2, written by hand: a library would keep to the rules (RFC 9113, 4.1). */
export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A field without compression (RFC 7541, 6.2.2). */
export function field(name: string, value: string): Buffer {
  const text = (each: string): Buffer => Buffer.concat([Buffer.from([each.length]), Buffer.from(each)]);
  return Buffer.concat([Buffer.from([0]), text(name), text(value)]);
}

/** Writes as long as it is taken, or the tunnel ends. */
export async function flood(
  tunnel: { readonly closed: Promise<unknown> },
  peer: Duplex,
  pieces: Iterable<Buffer>,
): Promise<void> {
  let isOver = false;
  const over = tunnel.closed.then(() => (isOver = true));
  for (const piece of pieces) {
    if (isOver || peer.destroyed) return;
    const taken = peer.write(piece) || once(peer, 'drain').catch(() => undefined);
    await Promise.race([taken, over, new Promise(setImmediate)]);
  }
}

export function* times(count: number, make: (number: number) => Buffer): Generator<Buffer> {
  for (let number = 0; number < count; number++) yield make(number);
}
