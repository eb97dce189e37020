import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import process from 'node:process';
import { messageOf } from '../errors.ts';
import { PacketDecoder } from '../protocol/decoder.ts';
import { encodePacket } from '../protocol/encoder.ts';
import type { LongBytes } from '../protocol/limits.ts';
import type { Packet, PacketOf, PacketType } from '../protocol/packets.ts';
import { startTimer } from '../util/timeout.ts';

/** Its sessions are told apart from all others by their ids. */
const PREFIX = 'self-test-';
/** Other processes of the same server test themselves, too; on another machine, one may have the same number. */
const OWN_PREFIX = `${PREFIX}${process.pid}-${randomBytes(6).toString('hex')}-`;
let lastId = 0;

export function newTestId(): string {
  lastId += 1;
  return `${OWN_PREFIX}${lastId}`;
}

/** Whether this is what an event of a self-test has first: a session of it, or a pair of its sessions. */
export function isOfSelfTest(subject: unknown): boolean {
  const { id, requester } = (subject ?? {}) as { id?: unknown; requester?: { id: unknown } };
  return isTestId(requester ? requester.id : id);
}

export function isTestId(id: unknown): boolean {
  return typeof id === 'string' && id.startsWith(PREFIX);
}

/** Opens one more connection to the server. */
type Connect = () => Promise<Duplex>;

/**
 * Does with a server what its users do: two clients log in, one hears what it says to everyone, asks the other for a private
 * connection, and sends a few bytes over it, which come back. Returns what has failed.
 */
export async function testItself(
  connect: Connect,
  longBytes: LongBytes,
  timeoutMs: number,
  stop: AbortSignal,
): Promise<string | undefined> {
  const peers: TestPeer[] = [];
  let step = 'the connection';
  let isOver = false;
  let fail!: (error: Error) => void;
  const late = new Promise<never>((_, reject) => (fail = reject));
  const timer = startTimer(timeoutMs, () => fail(new Error(`no answer within ${timeoutMs / 1000} s`)));
  const onStop = (): void => fail(new Error('the server is stopping'));
  stop.addEventListener('abort', onStop, { once: true });
  const open = async (): Promise<TestPeer> => {
    const stream = await connect();
    const peer = new TestPeer(stream, longBytes, fail);
    peers.push(peer);
    if (isOver) peer.end();
    return peer;
  };
  const test = async (): Promise<void> => {
    const one = await open();
    const two = await open();
    step = 'login';
    await one.logIn();
    await two.logIn();
    step = 'message to everyone';
    const msg = randomBytes(8).toString('hex');
    one.send({ type: 'MESSAGE', login: one.login, msg });
    await one.next('MESSAGE', (packet) => packet.msg === msg && packet.login === one.login);
    step = 'private connection';
    const names = { loginRequester: one.login, loginTarget: two.login };
    one.send({ type: 'REQUEST_PRIVATE', ...names });
    await two.next('REQUEST_PRIVATE');
    two.send({ type: 'OK_PRIVATE', ...names });
    const { connectId } = await one.next('ID_PRIVATE');
    await two.next('ID_PRIVATE');
    const halves = [await open(), await open()] as const;
    for (const half of halves) half.send({ type: 'LOGIN_PRIVATE', connectId });
    for (const half of halves) await half.next('ESTABLISHED');
    step = 'bytes of a private connection';
    await halves[0].transfer(halves[1]);
    await halves[1].transfer(halves[0]);
  };
  try {
    await Promise.race([test(), late]);
    return undefined;
  } catch (error) {
    return `${step}: ${messageOf(error)}`;
  } finally {
    isOver = true;
    clearTimeout(timer);
    stop.removeEventListener('abort', onStop);
    for (const peer of peers) peer.end();
  }
}

/** A client, as simple as can be. */
class TestPeer {
  /** Nobody else can have it: a character of it cannot be seen (P7), and who knows the rest knows this process. */
  readonly login = `\u0000${randomBytes(16).toString('base64url')}`;
  readonly #stream: Duplex;
  readonly #longBytes: LongBytes;
  readonly #decoder: PacketDecoder;
  #chunks: Buffer[] = [];
  #notify: () => void = () => undefined;

  constructor(stream: Duplex, longBytes: LongBytes, onFailed: (error: Error) => void) {
    this.#stream = stream;
    this.#longBytes = longBytes;
    this.#decoder = new PacketDecoder({ longBytes });
    stream.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#notify();
    });
    stream.on('error', onFailed).once('end', () => onFailed(new Error('the server has closed the connection')));
  }

  send(packet: Packet): void {
    this.#stream.write(encodePacket(packet, this.#longBytes));
  }

  async logIn(): Promise<void> {
    this.send({ type: 'LOGIN', login: this.login });
    await this.next('LOGIN_ACCEPTED');
  }

  /** The next packet of a type; what others say to everyone meanwhile is ignored. */
  async next<T extends PacketType>(
    type: T,
    isMeant: (packet: PacketOf<T>) => boolean = () => true,
  ): Promise<PacketOf<T>> {
    for (;;) {
      const packet = this.#decoder.next();
      if (packet === undefined) this.#decoder.push(await this.#read());
      else if (packet.type === type && isMeant(packet as PacketOf<T>)) return packet as PacketOf<T>;
      else if (packet.type === 'LOGIN_REFUSED' || packet.type === 'KO_PRIVATE') throw new Error('refused');
    }
  }

  /** Sends a few bytes that must come at the other half. */
  async transfer(to: TestPeer): Promise<void> {
    const bytes = randomBytes(32);
    this.#stream.write(bytes);
    let come: Buffer = to.#decoder.rest();
    while (come.length < bytes.length) come = Buffer.concat([come, await to.#read()]);
    if (!come.equals(bytes)) throw new Error('what came is not what was sent');
  }

  end(): void {
    this.#stream.end();
    this.#stream.resume();
    startTimer(END_MS, () => this.#stream.destroy())?.unref();
  }

  async #read(): Promise<Buffer> {
    while (this.#chunks.length === 0) await new Promise<void>((resolve) => (this.#notify = resolve));
    return this.#chunks.shift()!;
  }
}

/** A server that has failed may not end its side. */
const END_MS = 1_000;
