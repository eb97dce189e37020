import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { ChatosError } from '../../errors.ts';
import { CONNECT_ID_KEY_BYTES } from '../connect-id-cipher.ts';

const LABEL = 'chatosbot cluster 1';
const KEY_BYTES = 32;
/** A shorter secret could be tried out by who hears a proof, or a connect id. */
const MIN_SECRET_BYTES = 16;

/** What is made of the secret of a cluster: its workers have these, not the secret itself. */
export interface ClusterKeys {
  /** The external PSK of TLS between nodes. */
  readonly tls: Uint8Array;
  /** By which two processes prove to each other that they have the secret. */
  readonly proof: Uint8Array;
  /** By which connect ids say where their channel is. */
  readonly connectIds: Uint8Array;
}

/** @throws {ChatosError} `INVALID_ARGUMENT` where the secret is shorter than 16 bytes */
export function clusterKeys(secret: Uint8Array): ClusterKeys {
  if (secret.length < MIN_SECRET_BYTES) {
    const message = `the secret of the cluster has ${secret.length} bytes, and needs at least ${MIN_SECRET_BYTES}: make one with 'openssl rand -hex 32'`;
    throw new ChatosError('INVALID_ARGUMENT', message);
  }
  const derive = (purpose: string, bytes: number): Uint8Array =>
    new Uint8Array(hkdfSync('sha256', secret, '', `${LABEL} ${purpose}`, bytes));
  return {
    tls: derive('tls', KEY_BYTES),
    proof: derive('proof', KEY_BYTES),
    connectIds: derive('connect ids', CONNECT_ID_KEY_BYTES),
  };
}

/** What a side says to show that it has the secret; `said` is all that the two have said to each other before. */
export function proofOf(keys: ClusterKeys, side: 'caller' | 'answerer', said: readonly Buffer[]): Buffer {
  const hmac = createHmac('sha256', keys.proof).update(side);
  for (const each of said) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(each.length);
    hmac.update(length).update(each);
  }
  return hmac.digest();
}

export function isSame(proof: Buffer, expected: Buffer): boolean {
  return proof.length === expected.length && timingSafeEqual(proof, expected);
}
