import process from 'node:process';
import type { ChannelSecret } from './secret.ts';

/** Begins each encrypted private connection. No text in UTF-8 and no file that is known begins like this. */
export const SECURE_MAGIC = Buffer.from('c6e1947f05b83d9aa2f40b71d85c9ee3', 'hex');
export const SECURE_VERSION = 1;
const NONCE_BYTES = 16;
export const SECURE_HELLO_BYTES = SECURE_MAGIC.length + 4 + NONCE_BYTES;

const ROLES = { requester: 0x52, target: 0x54 } as const;
const KINDS = { key: 0x4b, code: 0x43 } as const;

/** What each side says first. */
export interface SecureHello {
  readonly version: number;
  readonly role: number;
  /** `undefined` where it is unknown. */
  readonly kind: ChannelSecret['kind'] | undefined;
  readonly nonce: Buffer;
}

export function makeSecureHello(role: keyof typeof ROLES, kind: ChannelSecret['kind']): Buffer {
  const head = Buffer.from([SECURE_VERSION, ROLES[role], KINDS[kind], 0]);
  const { randomBytes } = process.getBuiltinModule('node:crypto');
  return Buffer.concat([SECURE_MAGIC, head, randomBytes(NONCE_BYTES)]);
}

/** Reads a hello, whose magic is right. */
export function readSecureHello(bytes: Buffer): SecureHello {
  const [version, role, letter] = [0, 1, 2].map((at) => bytes.readUInt8(SECURE_MAGIC.length + at)) as [
    number,
    number,
    number,
  ];
  const kind = letter === KINDS.key ? 'key' : letter === KINDS.code ? 'code' : undefined;
  return { version, role, kind, nonce: bytes.subarray(SECURE_HELLO_BYTES - NONCE_BYTES) };
}

/** Whether bytes are the magic, as far as they go. */
export function beginsAsSecure(bytes: Buffer): boolean {
  const length = Math.min(bytes.length, SECURE_MAGIC.length);
  return SECURE_MAGIC.subarray(0, length).equals(bytes.subarray(0, length));
}
