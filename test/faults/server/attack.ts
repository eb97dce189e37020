/** What attackers do: sockets from any loopback address, and bytes as fast as the server takes them. */
import { createConnection, type Socket } from 'node:net';
import { packet, str, type LongBytes } from '../../support/rfc-peer.ts';
import type { ServerProcess } from './server-process.ts';
import { within } from './waiting.ts';

/** How much of everything there is. */
export interface Scale {
  /** What multiplies counts that are 1 in the short form. */
  readonly times: number;
  /** How long a flood lasts. */
  readonly floodMs: number;
  readonly seed: number;
  /** Frames that the scenario of mutated frames sends. */
  readonly mutatedFrames: number;
  /** The largest crowd. */
  readonly sessions: number;
}

export interface From {
  /** @default 127.0.0.2 */
  readonly address?: string;
  readonly longBytes?: LongBytes;
}

export class Attack {
  readonly server: ServerProcess;
  readonly scale: Scale;
  /** What the server used before the attack began. */
  readonly usedMiBBefore: number;
  /** What the scenario has found and wants in the table. */
  readonly figures: Record<string, string | number> = {};
  /** What must not be. */
  readonly faults: string[] = [];
  readonly #sockets = new Set<Socket>();
  #names = 0;

  constructor(server: ServerProcess, scale: Scale, usedMiBBefore: number) {
    this.server = server;
    this.scale = scale;
    this.usedMiBBefore = usedMiBBefore;
  }

  /** A login that nobody has had. */
  name(): string {
    this.#names += 1;
    return `m${this.#names}`;
  }

  /** The address of an attacker that has many, 16,000,000 of them. */
  address(index: number): string {
    return `127.${64 + ((index >> 16) & 63)}.${(index >> 8) & 255}.${index & 255}`;
  }

  /** Holds that something is so, or notes that it is not. */
  expect(condition: boolean, fault: string): void {
    if (!condition && this.faults.length < 10) this.faults.push(fault);
  }

  /** A socket that reads nothing by itself; it need not be connected yet, and may be refused. */
  dial({ address = '127.0.0.2', longBytes = 4 }: From = {}): Socket {
    const port = this.server.ports[longBytes];
    const socket = createConnection({
      port,
      host: '127.0.0.1',
      localAddress: address,
      noDelay: true,
      allowHalfOpen: true,
    });
    this.#sockets.add(socket);
    socket.on('error', () => undefined).once('close', () => this.#sockets.delete(socket));
    return socket;
  }

  /** The same, connected. */
  async open(from: From = {}): Promise<Socket> {
    const socket = this.dial(from);
    await within(new Promise((resolve) => socket.once('connect', resolve).once('close', resolve)), 'connecting');
    return socket;
  }

  /** Sends LOGIN, and does not look at the answer. */
  async login(name: string, from: From = {}): Promise<Socket> {
    const socket = await this.open(from);
    socket.write(packet(0, str(name)));
    return socket;
  }

  /** Repeats a block at full speed, until the time is up or the connection is over; returns the bytes that were taken. */
  async flood(socket: Socket, block: Buffer, ms = this.scale.floodMs): Promise<number> {
    await new Promise<void>((resolve) => {
      const end = performance.now() + ms;
      // Not all of it in one turn, as others are here, too.
      const more = (): void => {
        if (performance.now() < end && socket.writable && socket.write(block)) setImmediate(more);
      };
      socket.on('drain', more).once('close', resolve);
      setTimeout(resolve, ms);
      more();
    });
    return socket.bytesWritten;
  }

  /** Runs a number of times, so many at once. */
  async each(count: number, atOnce: number, run: (index: number) => Promise<void>): Promise<void> {
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < count) await run(next++);
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, count) }, work));
  }

  /** Breaks everything that is still connected. */
  leave(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }
}

/** One byte that comes, which stays out of the stream. */
export function readByte(socket: Socket): Promise<number | undefined> {
  return new Promise((resolve) => {
    const look = (): void => {
      const byte = socket.read(1) as Buffer | null;
      if (byte === null) return;
      socket.off('readable', look);
      resolve(byte[0]);
    };
    socket.on('readable', look).once('close', () => resolve(undefined));
    socket.once('end', () => resolve(undefined));
    look();
  });
}
