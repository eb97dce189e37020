// Ends of connections through a relay, as a process of its own: they send, count what arrives, or play ping-pong.
import { once } from 'node:events';
import { prepareEnds, type End, type OpenEnd } from './ends.ts';
import { answerCalls } from './load-process.ts';

export type EndsLoad = typeof calls;

const CHUNK = Buffer.alloc(256 * 1024);
const PING = Buffer.alloc(64, 'ping');

let openAll: () => Promise<OpenEnd[]>;
let opened: OpenEnd[] = [];
let received = 0;
let wanted = Infinity;
let reached: () => void = () => undefined;

const calls = {
  /** Listens where an end does. */
  async prepare(ends: readonly End[]): Promise<void> {
    openAll = await prepareEnds(ends);
  },
  async open(): Promise<void> {
    opened = await openAll();
    for (const end of opened) {
      end.receive = ({ length }) => {
        received += length;
        if (received >= wanted) reached();
      };
    }
  },
  /** @param bytes for each end; `Infinity` until the process ends */
  send(bytes: number): void {
    for (const end of opened) void sendOn(end, bytes);
  },
  /** Bytes on all ends together. */
  received: (): number => received,
  untilReceived: (bytes: number): Promise<void> =>
    new Promise((resolve) => {
      [wanted, reached] = [bytes, resolve];
      if (received >= wanted) reached();
    }),
  /** From the first end to the second, which sends it back: milliseconds of each, one after the other, for a time. */
  pingPong(forMs: number): Promise<number[]> {
    const [left, right] = [opened[0]!, opened[1]!];
    right.receive = (bytes) => void right.socket.write(Buffer.from(bytes));
    return new Promise((resolve) => {
      const times: number[] = [];
      const until = performance.now() + forMs;
      let sentAt = 0;
      const ping = (): void => {
        sentAt = performance.now();
        left.socket.write(PING);
      };
      left.receive = () => {
        const now = performance.now();
        times.push(now - sentAt);
        if (now < until) ping();
        else resolve(times);
      };
      ping();
    });
  },
};

async function sendOn({ socket }: OpenEnd, bytes: number): Promise<void> {
  for (let left = bytes; left > 0; left -= CHUNK.length) {
    if (!socket.write(left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK)) await once(socket, 'drain');
  }
}

answerCalls(calls);
