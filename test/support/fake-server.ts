/**
 * A server that does what a test tells it to and nothing else: raw TCP, bytes built from the text of the RFC alone.
 * What it reads it hands over in order, so that a test also sees what a client wrote that it should not have.
 */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { ownPort } from './own-port.ts';
import { packet, read, type LongBytes, type Op, type Packet } from './rfc-peer.ts';

const PATIENCE_MS = 15_000;

/** Gives a promise some seconds, so that a test which waits for nothing says so. */
export async function within<T>(promise: Promise<T>, what: string, ms = PATIENCE_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** One connection of a client to the fake server. */
export class FakeConnection {
  readonly socket: Socket;
  readonly #ended: Promise<'end' | 'reset'>;
  readonly #longBytes: LongBytes;
  #bytes: Buffer = Buffer.alloc(0);
  #over: string | undefined;
  #wake: () => void = () => undefined;

  constructor(socket: Socket, longBytes: LongBytes) {
    this.socket = socket;
    this.#longBytes = longBytes;
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    this.#ended = new Promise((resolve) => {
      const over = (how: 'end' | 'reset'): void => {
        this.#over ??= how;
        resolve(how);
        this.#wake();
      };
      socket.on('end', () => over('end'));
      socket.on('error', () => over('reset'));
      socket.on('close', () => over('reset'));
    });
  }

  /** Sends bytes as they are, in one write: the client reads them in one piece. */
  send(...parts: Uint8Array[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** Sends bytes one by one, each when the one before has left. */
  async sendSlowly(...parts: Uint8Array[]): Promise<void> {
    for (const byte of Buffer.concat(parts)) {
      await new Promise<void>((resolve) => this.socket.write(Buffer.of(byte), () => setImmediate(resolve)));
    }
  }

  /** Closes in order (FIN) after these bytes. */
  end(...parts: Uint8Array[]): void {
    this.socket.end(Buffer.concat(parts));
  }

  /** Breaks the connection (RST). */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** The next packet the client wrote; an error where it has another opcode than the one awaited. */
  async next<O extends Op>(opcode: O): Promise<Packet<O>> {
    const what = `awaiting packet ${opcode}`;
    for (;;) {
      const found = read(this.#bytes, this.#longBytes);
      if (found) {
        this.#bytes = this.#bytes.subarray(found.size);
        if (found.got.op !== opcode) throw new Error(`${what}: got ${found.got.op}`);
        return found.got as Packet<O>;
      }
      if (this.#over !== undefined) throw new Error(`${what}: the client's ${this.#over} came instead`);
      await within(new Promise<void>((resolve) => (this.#wake = resolve)), what);
    }
  }

  /** Exactly this many bytes, whatever they are: what comes behind a LOGIN_PRIVATE. */
  async bytes(count: number): Promise<Buffer> {
    while (this.#bytes.length < count) {
      if (this.#over !== undefined) throw new Error(`awaiting ${count} bytes: the client's ${this.#over} came instead`);
      await within(new Promise<void>((resolve) => (this.#wake = resolve)), `awaiting ${count} bytes`);
    }
    const bytes = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return bytes;
  }

  /** How the client ends the connection: by FIN, or otherwise. */
  ended(): Promise<'end' | 'reset'> {
    return within(this.#ended, 'awaiting the end of the connection');
  }

  /** What was written and not looked at until the client ended the connection. */
  async rest(): Promise<Buffer> {
    await this.ended();
    return this.#bytes;
  }
}

/** Listens until the test ends, on a port where nobody does then. */
export class FakeServer {
  readonly port: number;
  readonly longBytes: LongBytes;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #arrived: FakeConnection[] = [];
  readonly #waiters: ((connection: FakeConnection) => void)[] = [];
  #accepted = 0;

  private constructor(server: Server, longBytes: LongBytes) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    this.longBytes = longBytes;
    server.on('connection', (socket: Socket) => {
      this.#accepted += 1;
      this.#sockets.add(socket.once('close', () => this.#sockets.delete(socket)));
      const connection = new FakeConnection(socket, longBytes);
      const waiter = this.#waiters.shift();
      if (waiter) waiter(connection);
      else this.#arrived.push(connection);
    });
  }

  static async listen({ longBytes = 4 }: { longBytes?: LongBytes } = {}): Promise<FakeServer> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }).listen(await ownPort(), '127.0.0.1');
    await once(server, 'listening');
    const fake = new FakeServer(server, longBytes);
    onTestFinished(() => fake.close());
    return fake;
  }

  /** As a client is given it. */
  get address(): string {
    return `127.0.0.1:${this.port}?longBytes=${this.longBytes}`;
  }

  /** Connections that have come so far. */
  get accepted(): number {
    return this.#accepted;
  }

  /** The next connection, in the order in which they come. */
  connection(patienceMs?: number): Promise<FakeConnection> {
    const arrived = this.#arrived.shift();
    if (arrived) return Promise.resolve(arrived);
    const arriving = new Promise<FakeConnection>((resolve) => this.#waiters.push(resolve));
    return within(arriving, 'awaiting a connection', patienceMs);
  }

  /** The next connection; its LOGIN is answered by LOGIN_ACCEPTED and, in the same write, by what follows. */
  async login(...behind: Uint8Array[]): Promise<FakeConnection> {
    const connection = await this.connection();
    await connection.next(0);
    connection.send(packet(1), ...behind);
    return connection;
  }

  /** Breaks every connection and frees the port. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
