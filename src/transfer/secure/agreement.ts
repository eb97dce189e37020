import type { PipedChannel } from '../pipe.ts';
import { unlike, unlikeKind, usedCode, wrongCode, wrongSecret } from './failures.ts';
import { beginsAsSecure, makeSecureHello, readSecureHello, SECURE_HELLO_BYTES, SECURE_VERSION } from './hello.ts';
import { bindingOf, SessionKeys } from './keys.ts';
import { parseCode } from './codes.ts';
import type { Preface } from './preface.ts';
import { checkSecret, type ChannelSecret } from './secret.ts';
import { useCode } from './used-codes.ts';

type Side = 'requester' | 'target';

/** The types of what follows the hellos. */
const FRAMES = { proof: 1, guess: 2, answer: 3, confirm: 4, refuse: 5 } as const;
type FrameType = keyof typeof FRAMES;
const HEADER_BYTES = 3;
const MAX_FRAME_BYTES = 2_048;

/** How two sides that have the same secret agree on keys for one private connection, in the clear. */
export class Agreement {
  readonly #channel: PipedChannel;
  readonly #preface: Preface;
  readonly #secret: ChannelSecret;
  readonly #returningKey: ChannelSecret | undefined;
  readonly #side: Side;
  readonly #other: Side;
  #peerHasSpoken = false;
  #codeIsUsed = false;

  /**
   * @param returningKey what counts on the side that was asked, too, where the peer has that instead of a code
   * @throws {ChatosError} `INVALID_ARGUMENT` where the secret is invalid
   */
  constructor(channel: PipedChannel, preface: Preface, secret: ChannelSecret, returningKey?: Uint8Array) {
    this.#channel = channel;
    this.#preface = preface;
    this.#secret = checkSecret(secret);
    this.#returningKey = returningKey && checkSecret({ kind: 'key', key: returningKey });
    this.#side = channel.role;
    this.#other = channel.role === 'requester' ? 'target' : 'requester';
  }

  /** Whether the peer has said that it encrypts. */
  get peerHasSpoken(): boolean {
    return this.#peerHasSpoken;
  }

  /** Whether the code is used up, whatever becomes of the private connection. */
  get codeIsUsed(): boolean {
    return this.#codeIsUsed;
  }

  /**
   * Returns the keys, and the secret for another private connection with the same peer.
   *
   * @throws {ChatosError} `WRONG_SECRET` where the peer has another secret or none, or what the preface ends with
   */
  async run(): Promise<{ readonly keys: SessionKeys; readonly next: ChannelSecret }> {
    const { peer, login, connectId } = this.#channel;
    // Only who knows what the peer has can do the same: the side that asked speaks first then.
    const heard = this.#returningKey && this.#side === 'target' ? await this.#readHello() : undefined;
    const secret = heard && readSecureHello(heard).kind === 'key' ? this.#returningKey! : this.#secret;
    const hello = makeSecureHello(this.#side, secret.kind);
    this.#channel.write(hello);
    const peerHello = heard ?? (await this.#readHello());
    this.#checkHello(peerHello, hello);
    const [requester, target] = this.#ordered(login, peer);
    const [requesterHello, targetHello] = this.#ordered(hello, peerHello);
    const binding = bindingOf({ requester, target, connectId, requesterHello, targetHello });
    if (secret.kind === 'key') {
      const keys = new SessionKeys(secret.key, binding);
      await this.#exchangeProofs(keys, wrongSecret);
      return { keys, next: secret };
    }
    const keys = new SessionKeys(await this.#agreeByCode(parseCode(secret.code).words, binding), binding);
    await this.#exchangeProofs(keys, wrongCode);
    return { keys, next: { kind: 'key', key: keys.next } };
  }

  #ordered<T>(own: T, peers: T): [T, T] {
    return this.#side === 'requester' ? [own, peers] : [peers, own];
  }

  async #readHello(): Promise<Buffer> {
    const { peer } = this.#channel;
    const bytes = await this.#preface.read(SECURE_HELLO_BYTES, (begun) => {
      if (beginsAsSecure(begun)) return;
      throw unlike(
        peer,
        'does not encrypt: use the same secret or code (--secret, --code) on both sides, or on neither',
      );
    });
    this.#peerHasSpoken = true;
    return bytes;
  }

  #checkHello(peerHello: Buffer, ownHello: Buffer): void {
    const { peer } = this.#channel;
    const [theirs, own] = [readSecureHello(peerHello), readSecureHello(ownHello)];
    if (theirs.version !== SECURE_VERSION) {
      const versions = `version ${theirs.version} of encryption, and we version ${SECURE_VERSION}`;
      throw unlike(peer, `uses ${versions}: use the same chatosbot on both sides`);
    }
    if (theirs.nonce.equals(own.nonce)) throw unlike(peer, 'sends back what it gets, and does not encrypt');
    if (theirs.kind !== own.kind) throw unlikeKind(peer, own.kind === 'key' ? 'code' : 'key');
  }

  async #exchangeProofs(keys: SessionKeys, wrong: typeof wrongSecret): Promise<void> {
    const { peer } = this.#channel;
    this.#send('proof', keys.proofOf(this.#side));
    const { type, body } = await this.#readFrame(wrong);
    if (type !== 'proof' || !keys.isProofOf(this.#other, body)) throw wrong(peer);
  }

  /** By OPAQUE (RFC 9807): the side that asked makes one guess, and neither side learns more than whether it is right. */
  #agreeByCode(words: string, binding: string): Promise<Buffer> {
    const bound = { requester: `requester ${binding}`, target: `target ${binding}` };
    return this.#side === 'requester' ? this.#guess(words, bound) : this.#check(words, bound);
  }

  async #guess(words: string, bound: { requester: string; target: string }): Promise<Buffer> {
    const { peer } = this.#channel;
    const { CodeGuess } = await import('./opaque.ts');
    const guess = await CodeGuess.make(words);
    this.#send('guess', guess.request);
    // A guess that is wrong gets an answer, too: only who takes no guess any more refuses at once.
    const { body } = await this.#readFrame(wrongCode, 'answer', usedCode);
    // Whoever made the answer learns from ours whether it was made of the right code.
    this.#use(words);
    const result = this.#attempt(() => guess.finish(body, bound));
    if (!result) throw this.#refuse(wrongCode(peer));
    this.#send('confirm', result.proof);
    return result.key;
  }

  async #check(words: string, bound: { requester: string; target: string }): Promise<Buffer> {
    const { body: request } = await this.#readFrame(wrongCode, 'guess');
    // Used up before it is known whether the guess is right: the one who made it learns that from the answer.
    this.#use(words);
    const { CodeCheck } = await import('./opaque.ts');
    const check = await CodeCheck.make(words, request, bound).catch((error: unknown) => {
      throw this.#refuse(wrongCode(this.#channel.peer, error));
    });
    this.#send('answer', check.answer);
    const { body: proof } = await this.#readFrame(wrongCode, 'confirm');
    return this.#attempt(() => check.finish(proof));
  }

  #use(words: string): void {
    this.#codeIsUsed = true;
    if (!useCode(this.#side, words)) throw this.#refuse(usedCode(this.#channel.peer));
  }

  #attempt<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw this.#refuse(wrongCode(this.#channel.peer, error));
    }
  }

  #refuse(error: Error): Error {
    this.#send('refuse', Buffer.alloc(0));
    return error;
  }

  #send(type: FrameType, body: Buffer): void {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt8(FRAMES[type], 0);
    header.writeUInt16BE(body.length, 1);
    this.#channel.write(Buffer.concat([header, body]));
  }

  async #readFrame(
    wrong: typeof wrongSecret,
    wanted?: FrameType,
    refused = wrong,
  ): Promise<{ type: FrameType; body: Buffer }> {
    const { peer } = this.#channel;
    const header = await this.#preface.read(HEADER_BYTES);
    const number = header.readUInt8(0);
    const length = header.readUInt16BE(1);
    const type = (Object.keys(FRAMES) as FrameType[]).find((each) => FRAMES[each] === number);
    if (type === 'refuse') throw refused(peer);
    if (!type || (wanted && type !== wanted) || length > MAX_FRAME_BYTES) throw wrong(peer);
    return { type, body: await this.#preface.read(length) };
  }
}
