// Clients of a chat server, as a process of its own: the first says something to all, and all count the bytes that they get.
import { once } from 'node:events';
import { connectClients, type Client, type Clients } from './chat-clients.ts';
import { dialectOf, type Dialect } from '../servers/dialects.ts';
import { answerCalls } from './load-process.ts';

export type ChatLoad = typeof calls;

interface Listener {
  received: number;
  /** Whether it gets all that is said: not everybody gets what he says himself. */
  readonly hearsAll: boolean;
}

const QUIET_MS = 500;
const BLOCK_BYTES = 64 * 1024;

let dialect: Dialect;
let clients: Client[];
let speaker: Client;
let listeners: Listener[];
let lastReceivedAt = 0;
let bytesEach = Infinity;
let incomplete = 0;
let completed: (atNs: bigint) => void = () => undefined;
let completion: Promise<bigint>;

const calls = {
  /** Returns the seconds from the first connection to the last welcome. */
  async connect(which: Clients): Promise<number> {
    dialect = dialectOf(which.dialect);
    const startedAt = performance.now();
    clients = await connectClients(which);
    const elapsedS = (performance.now() - startedAt) / 1000;
    speaker = clients[0]!;
    listeners = clients.map((client) => {
      const listener = { received: 0, hearsAll: dialect.echoes || client !== speaker };
      client.receive = ({ length }) => tally(listener, length);
      return listener;
    });
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
    incomplete = listeners.filter(({ hearsAll }) => hearsAll).length;
    for (const listener of listeners) listener.received = 0;
  },
  /** The least that a client got of those that hear all. */
  received: (): number => Math.min(...listeners.filter(({ hearsAll }) => hearsAll).map(({ received }) => received)),
  /** Says it so many times; returns when it began, in nanoseconds of the machine's clock. */
  async say(text: string, times: number): Promise<bigint> {
    const message = dialect.message(speaker.login, text);
    const inBlock = Math.min(times, Math.ceil(BLOCK_BYTES / message.length));
    const block = Buffer.concat(Array.from({ length: inBlock }, () => message));
    const startedAt = process.hrtime.bigint();
    for (let left = times; left > 0; left -= inBlock) {
      const some = left < inBlock ? block.subarray(0, left * message.length) : block;
      if (!speaker.socket.write(some) && left > inBlock) await once(speaker.socket, 'drain');
    }
    return startedAt;
  },
  /** Resolves with the time at which the last client had all that it expected. */
  complete: (): Promise<bigint> => completion,
  /** Says it now and then, some at once: the milliseconds until all of them had reached everybody. */
  async sayAlone(text: string, times: number, bytes: number, pauseMs: number, atOnce = 1): Promise<number[]> {
    const messages = Buffer.concat(Array.from({ length: atOnce }, () => dialect.message(speaker.login, text)));
    const latencies: number[] = [];
    for (let i = 0; i < times; i++) {
      await pause(pauseMs);
      calls.expect(bytes * atOnce);
      const sentAt = process.hrtime.bigint();
      speaker.socket.write(messages);
      latencies.push(Number((await completion) - sentAt) / 1e6);
    }
    return latencies;
  },
};

function tally(listener: Listener, bytes: number): void {
  const before = listener.received;
  listener.received += bytes;
  lastReceivedAt = performance.now();
  if (!listener.hearsAll || before >= bytesEach || listener.received < bytesEach) return;
  incomplete -= 1;
  if (incomplete === 0) completed(process.hrtime.bigint());
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

answerCalls(calls);
