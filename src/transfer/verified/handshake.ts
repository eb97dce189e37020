import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { PipedChannel } from '../pipe.ts';
import { connectionLost } from '../failures.ts';
import { incomplete } from './failures.ts';
import { encodeHello, HelloReader, type Hello, type Role } from './hello.ts';

export interface HandshakeSettings {
  /** Whether we go on over another connection when this one is lost. */
  readonly reconnects: boolean;
  readonly windowBytes: number;
  /** What the first connection agreed on, where this is a later one. */
  readonly secret: Buffer | undefined;
}

/** How a connection begins: with the hellos, and on a later one with proofs that both sides are the same as before. */
export class Handshake {
  readonly #peerLogin: string;
  readonly #own: Hello;
  readonly #reader: HelloReader;
  readonly #known: Buffer | undefined;
  #peer: Hello | undefined;

  constructor(channel: Pick<PipedChannel, 'peer' | 'role'>, settings: HandshakeSettings) {
    const { reconnects, windowBytes, secret } = settings;
    const { peer, role } = channel;
    this.#peerLogin = peer;
    this.#own = { role, reconnects, windowBytes, resumes: secret !== undefined, nonce: randomBytes(16) };
    this.#reader = new HelloReader(peer, this.#own);
    this.#known = secret;
  }

  /** Our hello. */
  get hello(): Buffer {
    return encodeHello(this.#own);
  }

  /** The peer's hello, once it has come. */
  get peer(): Hello | undefined {
    return this.#peer;
  }

  /** What later connections have to prove. */
  get secret(): Buffer {
    return this.#known ?? createHash('sha256').update(this.#nonces()).digest();
  }

  /** Our proof, for a later connection. */
  get proof(): Buffer | undefined {
    return this.#known && this.#proofOf(this.#own.role);
  }

  /**
   * Reads the peer's hello; returns what came behind it, once it is there.
   *
   * @throws {ChatosError} `DATA_INCOMPLETE` where the peer is of no use, `CHANNEL_ABORTED` where another one may come
   */
  read(chunk: Buffer): Buffer | undefined {
    const read = this.#reader.read(chunk);
    if (!read) return undefined;
    this.#peer = read.hello;
    if (read.hello.resumes && !this.#known) {
      throw incomplete(`${this.#peerLogin} goes on with a private connection that this command does not know`);
    }
    if (!read.hello.resumes && this.#known) {
      const message = `${this.#peerLogin} was started again, and does not know what was sent before`;
      throw this.#own.role === 'requester' ? incomplete(message) : connectionLost(message);
    }
    return read.rest;
  }

  /** @throws {ChatosError} `CHANNEL_ABORTED` where it is not the proof of the peer that was there before */
  check(proof: Buffer): void {
    if (!timingSafeEqual(proof, this.#proofOf(this.#peer!.role))) {
      throw connectionLost(`${this.#peerLogin} is not the one who was connected before`);
    }
  }

  #proofOf(role: Role): Buffer {
    return createHmac('sha256', this.#known!).update(role).update(this.#nonces()).digest();
  }

  /** The requester's first. */
  #nonces(): Buffer {
    const [own, peer] = [this.#own.nonce, this.#peer!.nonce];
    return Buffer.concat(this.#own.role === 'requester' ? [own, peer] : [peer, own]);
  }
}
