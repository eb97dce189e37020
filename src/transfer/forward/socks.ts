import type { Socket } from 'node:net';
import { startTimer } from '../../util/timeout.ts';
import { CAUSES, type Cause } from './causes.ts';
import { readHost, type TcpEndpoint } from './endpoint.ts';

/** What a client of SOCKS 5 wants to connect to (RFC 1928), and how it is answered. */
export interface SocksRequest {
  readonly target: TcpEndpoint;
  accept(): void;
  refuse(cause: Cause): void;
}

const VERSION = 5;
const NO_AUTHENTICATION = 0;
const NOTHING_ACCEPTABLE = 0xff;
const CONNECT = 1;
const COMMAND_NOT_SUPPORTED = 7;
const ADDRESS_NOT_SUPPORTED = 8;
const ADDRESS_BYTES: Readonly<Record<number, number>> = { 1: 4, 4: 16 };
const DOMAIN = 3;

/** A client that was refused has so long to read why. */
const LINGER_MS = 2_000;
/** To those who speak SOCKS 4, and to browsers that were told that it is an HTTP proxy. */
const SOCKS4_REFUSAL = Buffer.from([0, 0x5b, 0, 0, 0, 0, 0, 0]);
const HTTP_REFUSAL = 'HTTP/1.0 501 This is a SOCKS 5 proxy\r\nConnection: close\r\n\r\n';

/**
 * Reads the greeting and the request of a client: CONNECT without authentication, to an IPv4 or IPv6 address or a name.
 * Resolves to `undefined` where it wants something else, or does not say it in time: then it has been answered, and its
 * connection is ended.
 *
 * @param socket paused; what the client sends behind its request stays in it
 */
export async function readSocksRequest(socket: Socket, timeoutMs: number): Promise<SocksRequest | undefined> {
  const timer = startTimer(timeoutMs, () => socket.destroy());
  const bytes = new LeadingBytes(socket);
  const dismiss = (answer: string | Buffer): undefined => {
    bytes.release();
    endWith(socket, answer);
    return undefined;
  };
  try {
    const [version, count] = await bytes.take(2);
    if (version === 4) return dismiss(SOCKS4_REFUSAL);
    if (version !== VERSION) return dismiss(/[A-Z]/.test(String.fromCharCode(version!)) ? HTTP_REFUSAL : '');
    const methods = await bytes.take(count!);
    const isOpen = methods.includes(NO_AUTHENTICATION);
    const answer = Buffer.from([VERSION, isOpen ? NO_AUTHENTICATION : NOTHING_ACCEPTABLE]);
    if (!isOpen) return dismiss(answer);
    socket.write(answer);
    const [again, command, , type] = await bytes.take(4);
    if (again !== VERSION) return dismiss('');
    const size = type === DOMAIN ? (await bytes.take(1))[0]! : ADDRESS_BYTES[type!];
    if (size === undefined) return dismiss(reply(ADDRESS_NOT_SUPPORTED));
    const address = await bytes.take(size);
    const port = (await bytes.take(2)).readUInt16BE();
    if (command !== CONNECT) return dismiss(reply(COMMAND_NOT_SUPPORTED));
    const host = hostOf(type!, address);
    if (host === undefined || port === 0) return dismiss(reply(CAUSES.failed.socks));
    return {
      target: { host, port },
      accept: () => void socket.write(reply(0)),
      refuse: (cause) => endWith(socket, reply(CAUSES[cause].socks)),
    };
  } catch {
    // It has left, or said nothing in time.
    socket.destroy();
    return undefined;
  } finally {
    clearTimeout(timer);
    bytes.release();
  }
}

/** The first bytes of a connection, taken piece by piece; the rest stays in it. */
class LeadingBytes {
  readonly #socket: Socket;
  #bytes = Buffer.alloc(0);
  #isOver = false;
  #isReleased = false;
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.#socket = socket.on('data', this.#onData).once('end', this.#onOver).once('close', this.#onOver);
    socket.resume();
  }

  /** So many bytes; throws where the client leaves before. */
  async take(count: number): Promise<Buffer> {
    while (this.#bytes.length < count) {
      if (this.#isOver) throw new Error('it has left');
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return taken;
  }

  /** Pauses the connection, with what was not taken in it. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#socket.off('data', this.#onData).off('end', this.#onOver).off('close', this.#onOver);
    if (this.#socket.destroyed || this.#socket.readableEnded) return;
    this.#socket.pause();
    if (this.#bytes.length > 0) this.#socket.unshift(this.#bytes);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    this.#wake();
  };

  readonly #onOver = (): void => {
    this.#isOver = true;
    this.#wake();
  };
}

function hostOf(type: number, address: Buffer): string | undefined {
  try {
    if (type === 1) return address.join('.');
    if (type === 4) return readHost(`[${(address.toString('hex').match(/.{4}/g) ?? []).join(':')}]`);
    const name = address.toString('latin1');
    return readHost(name.includes(':') ? `[${name}]` : name);
  } catch {
    return undefined;
  }
}

/** The address that was bound is nobody's business. */
function reply(code: number): Buffer {
  return Buffer.from([VERSION, code, 0, 1, 0, 0, 0, 0, 0, 0]);
}

function endWith(socket: Socket, answer: string | Buffer): void {
  socket.end(answer);
  // To close on bytes that were not read would reset it, and the answer would be lost.
  socket.resume();
  const timer = startTimer(LINGER_MS, () => socket.destroy());
  socket.once('close', () => clearTimeout(timer)).once('end', () => socket.destroySoon());
}
