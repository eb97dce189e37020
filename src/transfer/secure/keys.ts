import { createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { loginKey } from '../../util/login-key.ts';

/** What a private connection is: its keys are good for no other one. */
export interface Parties {
  readonly requester: string;
  readonly target: string;
  readonly connectId: bigint;
  /** The first bytes of both sides. */
  readonly requesterHello: Buffer;
  readonly targetHello: Buffer;
}

const LABEL = 'chatosbot end-to-end 1';
const KEY_BYTES = 32;

/** A text that is another one for every other private connection. */
export function bindingOf({ requester, target, connectId, requesterHello, targetHello }: Parties): string {
  const hash = createHash('sha256');
  for (const part of [LABEL, loginKey(requester), loginKey(target), String(connectId), requesterHello, targetHello]) {
    const bytes = Buffer.from(part as string);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hash.update(length).update(bytes);
  }
  return hash.digest('base64url');
}

/** The keys of one private connection. */
export class SessionKeys {
  /** The external PSK of TLS. */
  readonly psk: Buffer;
  /** For another private connection of the same two, where the first one was begun by a code. */
  readonly next: Buffer;
  readonly #proof: Buffer;

  constructor(key: Uint8Array, binding: string) {
    const derive = (purpose: string): Buffer =>
      Buffer.from(hkdfSync('sha256', key, binding, `${LABEL} ${purpose}`, KEY_BYTES));
    this.psk = derive('psk');
    this.next = derive('next');
    this.#proof = derive('proof');
  }

  /** What a side says to show that it has the key. */
  proofOf(side: 'requester' | 'target'): Buffer {
    return createHmac('sha256', this.#proof).update(side).digest();
  }

  isProofOf(side: 'requester' | 'target', proof: Buffer): boolean {
    const expected = this.proofOf(side);
    return proof.length === expected.length && timingSafeEqual(proof, expected);
  }
}
