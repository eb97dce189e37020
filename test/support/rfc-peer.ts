/** A ChatOS peer written from the text of the RFC alone: it shares no code with `src`, and must not start to. */
import { Buffer } from 'node:buffer';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { createConnection, type Socket } from 'node:net';

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The fields behind each opcode, in order (for 3 and 4 the RFC's text is followed, not its table). */
const FIELDS = {
  0: ['login'],
  1: [],
  2: [],
  3: ['login', 'msg'],
  4: ['sender', 'target', 'msg'],
  5: ['requester', 'target'],
  6: ['requester', 'target'],
  7: ['requester', 'target'],
  8: ['requester', 'target', 'connectId'],
  9: ['connectId'],
  10: [],
  11: ['connectId', 'requester', 'target'],
  12: ['target'],
} as const;
type Value<F> = F extends 'connectId' ? bigint : string;
/** Any opcode of the RFC. */
export type Op = keyof typeof FIELDS;
/** A received packet, `{ op, ...fields }`; `Packet<3>` is the one of opcode 3. */
export type Packet<O extends Op = Op> = { [K in O]: { op: K } & { [F in (typeof FIELDS)[K][number]]: Value<F> } }[O];
/** How wide a LONG is: 4 bytes says the RFC, 8 says its name. */
export type LongBytes = 4 | 8;
/** Where the server is and how it writes its LONGs. */
export type Options = { host?: string; longBytes?: LongBytes; localAddress?: string | undefined };
/** How long to wait before giving up, 5 s if not said. */
export type Patience = { timeoutMs?: number };

/** INT: 4 bytes, signed, big-endian. */
export function int(n: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(n);
  return bytes;
}

/** LONG: signed, big-endian, as wide as asked. */
export function long(id: bigint, longBytes: LongBytes = 4): Buffer {
  if (longBytes === 4) return int(Number(id));
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(id);
  return bytes;
}

/** STRING: the size in bytes as an INT, then the UTF-8. */
export function str(s: string): Buffer {
  const utf8 = Buffer.from(s, 'utf8');
  return Buffer.concat([int(utf8.length), utf8]);
}

/** COMMAND: the opcode's byte, then its fields; any byte is taken, so that wrong packets can be built too. */
export function packet(op: number, ...fields: Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([op]), ...fields]);
}

const isOp = (n: number): n is Op => n in FIELDS;
const isPacket = (p: { op: Op }): p is Packet => FIELDS[p.op].every((field) => field in p);

/** Reads the packet that `bytes` begin with: undefined while it is incomplete; throws if the RFC allows no such packet. */
export function read(bytes: Buffer, longBytes: LongBytes = 4): { got: Packet; size: number } | undefined {
  const op = bytes[0];
  if (op === undefined) return undefined;
  if (!isOp(op)) throw new Error(`opcode ${op} is not in the RFC`);
  const got: { op: Op; [field: string]: unknown } = { op };
  let at = 1;
  for (const field of FIELDS[op]) {
    const width = field === 'connectId' ? longBytes : 4;
    if (bytes.length < at + width) return undefined;
    const n = width === 4 ? bytes.readInt32BE(at) : bytes.readBigInt64BE(at);
    at += width;
    got[field] = BigInt(n);
    if (field === 'connectId') continue;
    const [size, max] = [Number(n), field === 'msg' ? 1024 : 30];
    if (size < 0 || size > max) throw new Error(`a ${field} of ${size} bytes in packet ${op}, the RFC allows ${max}`);
    if (bytes.length < at + size) return undefined;
    got[field] = UTF8.decode(bytes.subarray(at, at + size));
    at += size;
  }
  return isPacket(got) ? { got, size: at } : undefined;
}

/** A promise settled by `start`, or rejected when its time is up; what `start` returns is called when it is over. */
async function bounded<T>(
  what: string,
  { timeoutMs = 15_000 }: Patience,
  start: (resolve: (value: T) => void, reject: (why: Error) => void) => () => void,
): Promise<T> {
  const running: { timer?: NodeJS.Timeout; stop?: () => void } = {};
  try {
    return await new Promise<T>((resolve, reject) => {
      running.timer = setTimeout(() => reject(new Error(`${what}: not within ${timeoutMs} ms`)), timeoutMs);
      running.stop = start(resolve, (cause) => reject(new Error(`${what}: ${cause.message}`, { cause })));
    });
  } finally {
    clearTimeout(running.timer);
    running.stop?.();
  }
}

/** A client's public connection. */
export class RfcPeer {
  /** The login last accepted, which `say`, `tell`, `request`, `ok` and `ko` sign with. */
  name = '';
  /** How the connection ended: by the server's FIN, or otherwise (RST, a packet the RFC forbids, `destroy`). */
  readonly ended: Promise<'end' | 'error'>;
  /** The bare connection, for what has no method here (to stop reading, say). */
  readonly socket: Socket;
  readonly #longBytes: LongBytes;
  readonly #queue: Packet[] = [];
  readonly #waiters = new Set<{ offer: (got: Packet) => boolean; reject: (why: Error) => void }>();
  #bytes: Buffer = Buffer.alloc(0);
  #over: Error | undefined;

  private constructor(socket: Socket, longBytes: LongBytes) {
    this.socket = socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#longBytes = longBytes;
    this.ended = new Promise((resolve) => {
      const over = (how: 'end' | 'error', why: string): void => {
        this.#over ??= new Error(this.#bytes.length > 0 ? `${why}, ${this.#bytes.length} bytes into a packet` : why);
        for (const waiter of this.#waiters) waiter.reject(this.#over);
        resolve(how);
      };
      socket.on('end', () => over('end', 'the server ended the connection'));
      socket.on('error', (error) => over('error', error.message));
      socket.on('close', () => over('error', 'the connection was destroyed'));
    });
  }

  /** Opens the connection; nothing is sent yet. */
  static connect(port: number, { host = '127.0.0.1', longBytes = 4, localAddress }: Options = {}): Promise<RfcPeer> {
    const peer = new RfcPeer(createConnection({ port, host, localAddress, noDelay: true }), longBytes);
    return bounded<RfcPeer>(`connecting to ${host}:${port}`, {}, (resolve, reject) => {
      peer.socket.once('connect', () => resolve(peer)).once('error', reject);
      return () => void (peer.socket.connecting && peer.destroy());
    });
  }

  /** A client over a connection that somebody else has opened. */
  static over(socket: Socket, longBytes: LongBytes = 4): RfcPeer {
    return new RfcPeer(socket, longBytes);
  }

  /** Proposes a login: true if accepted, false if refused. */
  async login(name: string, patience: Patience = {}): Promise<boolean> {
    this.send(packet(0, str(name)));
    const accepted = (await this.#await([1, 2], patience)).op === 1;
    if (accepted) this.name = name;
    return accepted;
  }
  /** Sends bytes as they are, in one write. */
  readonly send = (bytes: Uint8Array): void => void this.socket.write(bytes);
  /** MESSAGE: to everybody. */
  readonly say = (text: string): void => this.send(packet(3, str(this.name), str(text)));
  /** MESSAGE_PRIVATE: to one. */
  readonly tell = (to: string, text: string): void => this.send(packet(4, str(this.name), str(to), str(text)));
  /** REQUEST_PRIVATE: asks `target` for a private connection. */
  readonly request = (target: string): void => this.send(packet(5, str(this.name), str(target)));
  /** OK_PRIVATE: accepts what `requester` asked of this peer. */
  readonly ok = (requester: string): void => this.send(packet(6, str(requester), str(this.name)));
  /** KO_PRIVATE: refuses what `requester` asked of this peer. */
  readonly ko = (requester: string): void => this.send(packet(7, str(requester), str(this.name)));
  /** CLOSE_CONNECTION: asks for the end of a private connection. */
  readonly close = (connectId: bigint, requester: string, target: string): void =>
    this.send(packet(11, long(connectId, this.#longBytes), str(requester), str(target)));
  /** Closes the writing side (FIN); what still comes can be read. */
  readonly end = (): void => void this.socket.end();
  /** Drops the connection at once. */
  readonly destroy = (): void => void this.socket.destroy();

  /** The next packet, of that opcode if given (others stay, in order); rejects on time-out or at the connection's end. */
  next<O extends Op = Op>(opcode?: O, patience: Patience = {}): Promise<Packet<O>> {
    return this.#await(opcode === undefined ? undefined : [opcode], patience);
  }

  async #await<O extends Op>(ops: readonly O[] | undefined, patience: Patience): Promise<Packet<O>> {
    const wants = (got: Packet): got is Packet & Packet<O> => ops === undefined || ops.some((op) => op === got.op);
    const queued = this.#queue.find(wants);
    if (queued !== undefined) {
      this.#queue.splice(this.#queue.indexOf(queued), 1);
      return queued;
    }
    const what = `${this.name || 'peer'} awaiting ${ops === undefined ? 'a packet' : `packet ${ops.join(' or ')}`}`;
    if (this.#over !== undefined) throw new Error(`${what}: ${this.#over.message}`, { cause: this.#over });
    return bounded<Packet<O>>(what, patience, (resolve, reject) => {
      const offer = (got: Packet): boolean => {
        if (!wants(got)) return false;
        resolve(got);
        return this.#waiters.delete(waiter);
      };
      const waiter = { offer, reject };
      this.#waiters.add(waiter);
      return () => this.#waiters.delete(waiter);
    });
  }

  #receive(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    try {
      for (let found; (found = read(this.#bytes, this.#longBytes)) !== undefined;) {
        const { got, size } = found;
        this.#bytes = this.#bytes.subarray(size);
        if (![...this.#waiters].some((waiter) => waiter.offer(got))) this.#queue.push(got);
      }
    } catch (error) {
      this.socket.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

/** Opens a half of a private connection, read just past its ESTABLISHED; errors on it later do not throw by themselves. */
export async function openHalf(
  port: number,
  connectId: bigint,
  { longBytes = 4, host = '127.0.0.1', early, ...patience }: Options & Patience & { early?: Buffer } = {},
): Promise<Socket> {
  const socket = createConnection({ port, host, noDelay: true, allowHalfOpen: true });
  socket.on('error', () => {});
  socket.write(packet(9, long(connectId, longBytes), early ?? Buffer.alloc(0)));
  return bounded<Socket>(`opening a half of ${connectId}`, patience, (resolve, reject) => {
    let established = false;
    const readFirst = (): void => {
      const byte: unknown = socket.read(1); // the bytes behind it stay in the stream
      if (!Buffer.isBuffer(byte)) return;
      socket.off('readable', readFirst);
      established = byte[0] === 10;
      if (established) resolve(socket);
      else reject(new Error(`byte ${byte[0]} instead of ESTABLISHED`));
    };
    socket.on('readable', readFirst).once('error', reject);
    socket.once('end', () => reject(new Error('the server ended the connection')));
    socket.once('close', () => reject(new Error('the connection was closed')));
    return () => void (established || socket.destroy());
  });
}

/** All the bytes up to the FIN; rejects on RST or any other end. */
export async function readAll(socket: Socket, patience: Patience = {}): Promise<Buffer> {
  if (socket.readableEnded) return Buffer.alloc(0);
  if (socket.destroyed) throw socket.errored ?? new Error('the connection was destroyed');
  return bounded<Buffer>('reading to the end', patience, (resolve, reject) => {
    const chunks: Buffer[] = [];
    const keep = (chunk: Buffer): void => void chunks.push(chunk);
    socket.once('error', reject).once('close', () => reject(new Error('the connection was closed')));
    socket.once('end', () => resolve(Buffer.concat(chunks)));
    socket.on('data', keep).resume();
    return () => void socket.off('data', keep);
  });
}

/** One GET over a connection that is already there, kept for another unless a header of either side says `close`. */
export function httpGet(
  socket: Socket,
  path: string,
  headers: Record<string, string> = {},
  patience: Patience = {},
): Promise<{ status: number; headers: IncomingHttpHeaders; body: Buffer }> {
  return bounded(`GET ${path}`, patience, (resolve, reject) => {
    let complete = false;
    const sent = { connection: 'keep-alive', ...headers };
    const request = httpRequest({ createConnection: () => socket, path, headers: sent }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk)).once('error', reject);
      response.once('end', () => {
        complete = true;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
      });
    });
    request.on('error', reject).end();
    return () => void (complete || request.destroy());
  });
}
