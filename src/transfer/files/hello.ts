import type { PipedChannel } from '../pipe.ts';
import { encrypts } from '../secure/failures.ts';
import { beginsAsSecure } from '../secure/hello.ts';
import { HELLO_MAGIC } from '../verified/hello.ts';
import { incomplete, ruleBroken } from './failures.ts';

/** Begins each transfer of files. No text in UTF-8 and no file that is known begins like this. */
const FILES_MAGIC = Buffer.from('b3f1c6908de24a7796d805fc2e61a9bd', 'hex');
const AGAIN = 'run both sides again, to send it from its beginning';
const VERSION = 1;
export const HELLO_BYTES = FILES_MAGIC.length + 4;

export type TransferRole = 'sender' | 'receiver';

const LETTERS = { sender: 0x53, receiver: 0x52 } as const;

export function encodeHello(role: TransferRole): Buffer {
  return Buffer.concat([FILES_MAGIC, Buffer.from([VERSION, LETTERS[role], 0, 0])]);
}

/** Reads the peer's hello, which may come in pieces. */
export class HelloReader {
  readonly #channel: Pick<PipedChannel, 'peer'>;
  readonly #own: TransferRole;
  #bytes = Buffer.alloc(0);
  #isKnown = false;

  constructor(channel: Pick<PipedChannel, 'peer'>, own: TransferRole) {
    this.#channel = channel;
    this.#own = own;
  }

  /** Whether what came is a hello of ours, if not the one that is needed here: then the peer knows what ours says. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /**
   * Returns what came behind the hello, once it is complete.
   *
   * @throws {ChatosError} `DATA_INCOMPLETE`, as soon as it cannot be one
   */
  read(chunk: Buffer): Buffer | undefined {
    const { peer } = this.#channel;
    const missing = HELLO_BYTES - this.#bytes.length;
    const bytes = (this.#bytes = Buffer.concat([this.#bytes, chunk.subarray(0, missing)]));
    const length = Math.min(bytes.length, FILES_MAGIC.length);
    if (!FILES_MAGIC.subarray(0, length).equals(bytes.subarray(0, length))) {
      if (bytes[0] === HELLO_MAGIC[0]) {
        this.#isKnown = true;
        throw incomplete(`${peer} goes on with a stream whose other end is gone: ${AGAIN}`);
      }
      if (beginsAsSecure(bytes)) throw encrypts(peer);
      const other = this.#own === 'sender' ? 'receive' : 'send';
      throw incomplete(`${peer} does not use chatosbot ${other}`);
    }
    if (bytes.length < HELLO_BYTES) return undefined;
    this.#isKnown = true;
    const [version, letter] = [bytes.readUInt8(FILES_MAGIC.length), bytes.readUInt8(FILES_MAGIC.length + 1)];
    if (version !== VERSION) {
      const versions = `version ${version} of file transfer, and we version ${VERSION}`;
      throw incomplete(`${peer} uses ${versions}: use the same chatosbot on both sides`);
    }
    if (letter === LETTERS[this.#own]) {
      throw incomplete(
        this.#own === 'sender' ? `${peer} sends, too: nobody receives` : `${peer} receives, too: nobody sends`,
      );
    }
    if (letter !== LETTERS[this.#own === 'sender' ? 'receiver' : 'sender']) throw ruleBroken('it has no role');
    return chunk.subarray(missing);
  }
}
