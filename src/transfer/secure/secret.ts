import process from 'node:process';
import { ChatosError } from '../../errors.ts';

/** What both sides of an encrypted private connection know, and nobody else. */
export type ChannelSecret =
  /**
   * 256 random bits, for as many private connections as one likes. What could be guessed, as a hash of a password, will not
   * do: anyone who asks for a private connection gets what a guess can be tried on.
   */
  | { readonly kind: 'key'; readonly key: Uint8Array }
  /** A short code, as `makeCode` makes it, for one private connection. */
  | { readonly kind: 'code'; readonly code: string };

const KEY_BYTES = 32;
/** What the text of a key begins with: readers and scanners know it for what it is. */
const KEY_PREFIX = 'chatosbot-secret-';
/** Base64url of 256 bits. */
const KEY_TEXT = /^[\w-]{42}[AEIMQUYcgkosw048]$/;

/** Makes a secret of 256 random bits: a text of one line, for a file or a variable, as `chatosbot secret` prints it. */
export function makeSecret(): string {
  const { randomBytes } = process.getBuiltinModule('node:crypto');
  return `${KEY_PREFIX}${randomBytes(KEY_BYTES).toString('base64url')}`;
}

/**
 * Reads a secret that {@link makeSecret} or `chatosbot secret` has made; white space around it does not count.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT`; the message does not show the text
 */
export function parseSecret(text: string): ChannelSecret {
  const word = text.trim();
  const body = word.slice(KEY_PREFIX.length);
  if (!word.startsWith(KEY_PREFIX) || !KEY_TEXT.test(body)) {
    const found =
      word === '' ? 'it is empty' : word.startsWith(KEY_PREFIX) ? 'it is not whole' : 'it is something else';
    throw new ChatosError('INVALID_ARGUMENT', `expected one line as 'chatosbot secret' prints it: ${found}`);
  }
  return { kind: 'key', key: Buffer.from(body, 'base64url') };
}

/**
 * The secret, where it is one.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT`
 */
export function checkSecret(secret: ChannelSecret): ChannelSecret {
  const { kind, key, code } = (secret ?? {}) as { kind?: unknown; key?: unknown; code?: unknown };
  if (kind === 'key' && key instanceof Uint8Array && key.length === KEY_BYTES) return secret;
  if (kind === 'code' && typeof code === 'string') return secret;
  const expected = `{ kind: 'key', key } with ${KEY_BYTES} bytes, or { kind: 'code', code }`;
  throw new ChatosError('INVALID_ARGUMENT', `not a secret: expected ${expected}`);
}
