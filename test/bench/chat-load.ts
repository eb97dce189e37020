// Clients of a chat server, as a process of its own: they say something to all, and count the bytes that they get.
import { once } from 'node:events';
import net from 'node:net';
import { dialectOf, type Dialect } from './dialects.ts';
import { answerCalls } from './load-process.ts';

export type ChatLoad = typeof calls;

export interface Clients {
  readonly dialect: string;
  readonly port: number;
  /** Of the first of them; it is the one that speaks. */
  readonly number: number;
  readonly clients: number;
}

interface Client {
  readonly socket: net.Socket;
  received: number;
  /** Gets what arrives; the bytes are lent for this call. */
  receive: (bytes: Buffer) => void;
}

const QUIET_MS = 500;
const BLOCK_BYTES = 64 * 1024;

/** One for all: what is read is only counted. */
const buffer = Buffer.alloc(256 * 1024);
const clients: Client[] = [];
let dialect: Dialect;
let login: string;
let lastReceivedAt = 0;
let bytesEach = Infinity;
let incomplete = 0;
let completed: (atNs: bigint) => void = () => undefined;
let completion: Promise<bigint>;

const calls = {
  /** Returns the seconds from the first connection to the last welcome. */
  async connect({ dialect: name, port, number, clients: size }: Clients): Promise<number> {
    dialect = dialectOf(name);
    login = loginOf(number);
    const startedAt = performance.now();
    for (let next = 0; next < size; next += dialect.backlog) {
      const some = Array.from({ length: Math.min(dialect.backlog, size - next) }, (_, i) =>
        connect(port, number + next + i),
      );
      clients.push(...(await Promise.all(some)));
    }
    const elapsedS = (performance.now() - startedAt) / 1000;
    for (const client of clients) client.receive = ({ length }) => tally(client, length);
    return elapsedS;
  },
  async join(): Promise<void> {
    if (dialect.join) for (const { socket } of clients) socket.write(dialect.join);
    await calls.quiet();
  },
  /** Resolves when nothing has come for half a second. */
  async quiet(): Promise<void> {
    lastReceivedAt = performance.now();
    for (let left = QUIET_MS; left > 0; left = lastReceivedAt + QUIET_MS - performance.now()) await pause(left);
  },
  /** From now on, each client that hears all gets so many bytes. */
  expect(bytes: number): void {
    bytesEach = bytes;
    completion = new Promise((resolve) => (completed = resolve));
    incomplete = listeners().length;
    for (const client of clients) client.received = 0;
  },
  /** The least that a client got of those that hear all. */
  received: (): number => Math.min(...listeners().map(({ received }) => received)),
  /** The first client says it so many times; returns when it began, in nanoseconds of the machine's clock. */
  async say(text: string, times: number): Promise<bigint> {
    const message = dialect.message(login, text);
    const inBlock = Math.min(times, Math.ceil(BLOCK_BYTES / message.length));
    const block = Buffer.concat(Array.from({ length: inBlock }, () => message));
    const startedAt = process.hrtime.bigint();
    const { socket } = clients[0]!;
    for (let left = times; left > 0; left -= inBlock) {
      const some = left < inBlock ? block.subarray(0, left * message.length) : block;
      if (!socket.write(some) && left > inBlock) await once(socket, 'drain');
    }
    return startedAt;
  },
  /** Resolves with the time at which the last client had all that it expected. */
  complete: (): Promise<bigint> => completion,
  /** Says it now and then: the milliseconds until each had reached everybody. */
  async sayAlone(text: string, times: number, bytes: number, pauseMs: number): Promise<number[]> {
    const message = dialect.message(login, text);
    const latencies: number[] = [];
    for (let i = 0; i < times; i++) {
      await pause(pauseMs);
      calls.expect(bytes);
      const sentAt = process.hrtime.bigint();
      clients[0]!.socket.write(message);
      latencies.push(Number((await completion) - sentAt) / 1e6);
    }
    return latencies;
  },
};

/** Those that hear all that is said. */
function listeners(): Client[] {
  return dialect.echoes ? clients : clients.slice(1);
}

function tally(client: Client, bytes: number): void {
  const before = client.received;
  client.received += bytes;
  lastReceivedAt = performance.now();
  if (before >= bytesEach || client.received < bytesEach || (!dialect.echoes && client === clients[0])) return;
  incomplete -= 1;
  if (incomplete === 0) completed(process.hrtime.bigint());
}

/** All of one length, so that all deliveries are. */
function loginOf(number: number): string {
  return `u${String(number).padStart(5, '0')}`;
}

function connect(port: number, number: number): Promise<Client> {
  return new Promise((resolve, reject) => {
    const callback = (count: number): boolean => {
      client.receive(buffer.subarray(0, count));
      return true;
    };
    // One address has only so many ports.
    const localAddress = `127.0.0.${100 + (number % 100)}`;
    const socket = net.connect({ port, host: '127.0.0.1', localAddress, noDelay: true, onread: { buffer, callback } });
    let answer = Buffer.alloc(0);
    const receive = (bytes: Buffer): void => {
      answer = Buffer.concat([answer, bytes]);
      if (dialect.welcomed(answer)) resolve(client);
    };
    const client: Client = { socket, received: 0, receive };
    socket.once('error', reject);
    socket.once('close', () => {
      throw new Error(`${loginOf(number)} lost its connection`);
    });
    socket.write(dialect.hello(loginOf(number)));
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

answerCalls(calls);
