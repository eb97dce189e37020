import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

/** Of what is sealed; another version of it is not understood. */
const VERSION = 1;
const MAC_BYTES = 32;
const HEAD_BYTES = 1 + MAC_BYTES;

/**
 * Marks what nodes say over NATS with the cluster's secret: others may use the same NATS server, and may not command. It hides
 * nothing.
 */
export class Seal {
  readonly #key: Buffer;

  /** @param secret the same for all nodes */
  constructor(secret: Uint8Array) {
    this.#key = Buffer.from(hkdfSync('sha256', secret, '', 'chatosbot cluster nats', 32));
  }

  /** @param context where the bytes mean what they mean: they are not valid elsewhere */
  seal(context: string, bytes: Uint8Array): Buffer {
    return Buffer.concat([Buffer.from([VERSION]), this.#mac(context, bytes), bytes]);
  }

  /** What was sealed; `undefined` where it was not sealed by this secret, in this context and version. */
  open(context: string, sealed: Uint8Array): Buffer | undefined {
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
    if (bytes.length < HEAD_BYTES || bytes[0] !== VERSION) return undefined;
    const content = bytes.subarray(HEAD_BYTES);
    return timingSafeEqual(bytes.subarray(1, HEAD_BYTES), this.#mac(context, content)) ? content : undefined;
  }

  #mac(context: string, bytes: Uint8Array): Buffer {
    const name = Buffer.from(context);
    const size = Buffer.alloc(4);
    size.writeUInt32BE(name.length);
    return createHmac('sha256', this.#key).update(size).update(name).update(bytes).digest();
  }
}
