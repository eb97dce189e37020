import { ChatosError } from '../../errors.ts';
import { encrypts } from '../secure/failures.ts';
import { beginsAsSecure } from '../secure/hello.ts';
import { incomplete, ruleBroken } from './failures.ts';

/** Begins each verified connection. No text in UTF-8 and no file that is known begins like this. */
export const HELLO_MAGIC = Buffer.from('9fbc2c984e7b5334ae068df3b9ccf8a4', 'hex');
const VERSION = 1;
const NONCE_BYTES = 16;
const HELLO_BYTES = HELLO_MAGIC.length + 4 + 4 + NONCE_BYTES;

/** Which side asked for the private connection. */
export type Role = 'requester' | 'target';

/** What each side says first. */
export interface Hello {
  readonly role: Role;
  /** Whether it goes on over another connection when this one is lost. */
  readonly reconnects: boolean;
  /** Whether this is such another connection. */
  readonly resumes: boolean;
  /** How many bytes may be sent to it, in `DATA` frames, that it has not acknowledged. */
  readonly windowBytes: number;
  /** Random bytes. Those of the first connection make the secret that later ones must prove. */
  readonly nonce: Buffer;
}

const ROLE_LETTERS = { requester: 0x52, target: 0x54 } as const;
const RECONNECTS = 1;
const RESUMES = 2;

export function encodeHello({ role, reconnects, resumes, windowBytes, nonce }: Hello): Buffer {
  const flags = (reconnects ? RECONNECTS : 0) | (resumes ? RESUMES : 0);
  const window = Buffer.alloc(4);
  window.writeUInt32BE(windowBytes);
  return Buffer.concat([HELLO_MAGIC, Buffer.from([VERSION, ROLE_LETTERS[role], flags, 0]), window, nonce]);
}

/** Reads the peer's hello, which may come in pieces. */
export class HelloReader {
  readonly #peer: string;
  readonly #own: Hello;
  #bytes = Buffer.alloc(0);

  constructor(peer: string, own: Hello) {
    this.#peer = peer;
    this.#own = own;
  }

  /**
   * Returns the hello once it is complete, and what came behind it.
   *
   * @throws {ChatosError} `DATA_INCOMPLETE`, as soon as it cannot be one
   */
  read(chunk: Buffer): { hello: Hello; rest: Buffer } | undefined {
    const missing = HELLO_BYTES - this.#bytes.length;
    const bytes = (this.#bytes = Buffer.concat([this.#bytes, chunk.subarray(0, missing)]));
    if (!beginsWithMagic(bytes)) {
      if (beginsAsSecure(bytes)) throw encrypts(this.#peer);
      const message = `${this.#peer} does not use --verify: use it on both sides, or on neither`;
      throw new ChatosError('DATA_INCOMPLETE', message, { fields: { peer: this.#peer, verified: false } });
    }
    if (bytes.length < HELLO_BYTES) return undefined;
    return { hello: this.#decode(bytes), rest: chunk.subarray(missing) };
  }

  #decode(bytes: Buffer): Hello {
    const [version, letter, flags] = [0, 1, 2].map((at) => bytes.readUInt8(HELLO_MAGIC.length + at));
    if (version !== VERSION) {
      throw incomplete(
        `${this.#peer} uses version ${version} of --verify, and we version ${VERSION}: use the same chatosbot on both sides`,
      );
    }
    const windowBytes = bytes.readUInt32BE(HELLO_MAGIC.length + 4);
    const nonce = bytes.subarray(HELLO_BYTES - NONCE_BYTES);
    if (nonce.equals(this.#own.nonce)) {
      throw incomplete(`${this.#peer} sends back what it gets, and does not use --verify`);
    }
    const role = this.#own.role === 'requester' ? 'target' : 'requester';
    if (letter !== ROLE_LETTERS[role]) throw ruleBroken('it has our role');
    if (windowBytes === 0) throw ruleBroken('its window is 0 bytes');
    return { role, reconnects: (flags! & RECONNECTS) !== 0, resumes: (flags! & RESUMES) !== 0, windowBytes, nonce };
  }
}

/** Whether bytes are the magic, as far as they go. */
export function beginsWithMagic(bytes: Buffer): boolean {
  const length = Math.min(bytes.length, HELLO_MAGIC.length);
  return HELLO_MAGIC.subarray(0, length).equals(bytes.subarray(0, length));
}
