/** A real server for the tests of `test/server`, listening with both widths of LONG; it is closed after the test. */
import type { Socket } from 'node:net';
import { expect, onTestFinished, vi } from 'vitest';
import {
  ChatosServer,
  DEFAULT_SERVER_LIMITS,
  type LogFields,
  type Logger,
  type ServerLimits,
  type ServerOptions,
  type ServerStats,
} from '../../src/server/index.ts';
import type { Directory } from '../../src/server/directory.ts';
import type { Address } from '../../src/net/address.ts';
import { LOOPBACK } from '../../src/net/networks.ts';
import { testCertificate } from './certificates.ts';
import { leaveOut, TESTED_SERVER } from './left-out.ts';
import { ownAddress } from './own-port.ts';
import { openHalf, RfcPeer, type LongBytes } from './rfc-peer.ts';
import { serve, type Served } from './served.ts';
import { within } from './server-sockets.ts';

export const WIDTHS = [4, 8] as const satisfies LongBytes[];

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
}

/** Keeps what is logged, and lets a test wait for a line: the server's side of an event that clients do not see. */
export class LogRecorder implements Logger {
  readonly lines: LogLine[] = [];
  readonly #waiters = new Set<() => void>();

  readonly debug = (message: string, fields: LogFields = {}): void => this.#add({ level: 'debug', message, fields });
  readonly info = (message: string, fields: LogFields = {}): void => this.#add({ level: 'info', message, fields });
  readonly warn = (message: string, fields: LogFields = {}): void => this.#add({ level: 'warn', message, fields });
  readonly error = (message: string, fields: LogFields = {}): void => this.#add({ level: 'error', message, fields });
  readonly with = (): Logger => this;

  /** The lines whose message contains the text. */
  of(text: string): LogLine[] {
    return this.lines.filter(({ message }) => message.includes(text));
  }

  /** Resolves with the `count`th line whose message contains the text, be it there already or still to come. */
  until(text: string, count = 1): Promise<LogLine> {
    return this.#await(() => this.of(text)[count - 1], `log line '${text}', time ${count}`);
  }

  /** Resolves with the first line that is as wanted, be it there already or still to come. */
  untilLine(wanted: (line: LogLine) => boolean, what: string): Promise<LogLine> {
    return this.#await(() => this.lines.find(wanted), what);
  }

  /** A line of a server that is another process, in JSON. */
  take({ level, message, ...fields }: Record<string, unknown>): void {
    delete fields['time'];
    this.#add({ level, message, fields } as LogLine);
  }

  #await(find: () => LogLine | undefined, what: string): Promise<LogLine> {
    const line = new Promise<LogLine>((resolve) => {
      const look = (): void => {
        const found = find();
        if (!found) return;
        this.#waiters.delete(look);
        resolve(found);
      };
      this.#waiters.add(look);
      look();
    });
    return within(line, what);
  }

  #add(line: LogLine): void {
    this.lines.push(line);
    this.#waiters.forEach((look) => look());
  }
}

export interface Channel {
  readonly id: bigint;
  readonly alice: RfcPeer;
  readonly bob: RfcPeer;
  /** Alice's half and Bob's half, read just past ESTABLISHED. */
  readonly a: Socket;
  readonly b: Socket;
}

export class Rig {
  /** The directory of the servers to come; their own where undefined. */
  static newDirectory: ((loginHoldMs: number) => Directory) | undefined;
  readonly log = new LogRecorder();
  readonly port: { [width in LongBytes]: number } = { 4: 0, 8: 0 };
  #server: ChatosServer | undefined;
  #served: Served | undefined;

  /** Starts a server with these limits, the others being the defaults, but that loopback is exempt as with `run`. */
  static async start(limits: Partial<ServerLimits> = {}, options: Omit<ServerOptions, 'limits' | 'log'> = {}) {
    const rig = new Rig();
    const { loginHoldMs } = { ...DEFAULT_SERVER_LIMITS, ...limits };
    const directory = Rig.newDirectory?.(loginHoldMs);
    const all = { ...(directory && { directory }), ...options, limits: { exempt: LOOPBACK, ...limits } };
    const listen = [await ownAddress(), `${await ownAddress()}?longBytes=8`];
    if (TESTED_SERVER) {
      rig.#served = await serve({ options: all, listen, onLine: (line) => rig.log.take(line) });
      const [four, eight] = rig.#served.ports;
      Object.assign(rig.port, { 4: four, 8: eight });
      return rig;
    }
    const server = new ChatosServer({ ...all, log: rig.log });
    rig.#server = server;
    onTestFinished(() => server.close());
    for (const [index, width] of WIDTHS.entries()) rig.port[width] = (await server.listen(listen[index]!)).port;
    return rig;
  }

  /** The server, where it is in this process. */
  get server(): ChatosServer {
    return this.#server ?? leaveOut('it reaches into the server');
  }

  /** What the server has done and holds. */
  async stats(): Promise<ServerStats> {
    if (!this.#served) return this.server.stats;
    const [stats] = await this.#served.ask('stats');
    return stats as unknown as ServerStats;
  }

  /** Listens over TLS, too, with a certificate for tests. */
  async listenTls(longBytes: LongBytes = 4): Promise<Address> {
    await this.server.replaceCertificate(await testCertificate());
    return this.server.listen(`tls://127.0.0.1:0?longBytes=${longBytes}`);
  }

  /** A client that has not said anything yet. */
  async connect(longBytes: LongBytes = 4, localAddress?: string): Promise<RfcPeer> {
    const peer = await RfcPeer.connect(this.port[longBytes], { longBytes, localAddress });
    onTestFinished(() => peer.destroy());
    return peer;
  }

  /** An identified client. */
  async join(name: string, longBytes: LongBytes = 4): Promise<RfcPeer> {
    const peer = await this.connect(longBytes);
    if (!(await peer.login(name))) throw new Error(`${name} was refused`);
    return peer;
  }

  /** A half that has been established; destroyed after the test. */
  async half(connectId: bigint, longBytes: LongBytes = 4, early?: Buffer): Promise<Socket> {
    const socket = await openHalf(this.port[longBytes], connectId, early ? { longBytes, early } : { longBytes });
    onTestFinished(() => void socket.destroy());
    return socket;
  }

  /** Alice and Bob, and a channel between them that Alice asked for. */
  async channel(longBytes: LongBytes = 4): Promise<Channel> {
    const [alice, bob] = [await this.join('alice', longBytes), await this.join('bob', longBytes)];
    const id = await agree(alice, bob);
    const [a, b] = await Promise.all([this.half(id, longBytes), this.half(id, longBytes)]);
    return { id, alice, bob, a, b };
  }

  /** Resolves when the server has noticed that the client has gone. */
  async left(login: string): Promise<void> {
    while (!this.log.of('left').some(({ fields }) => fields['login'] === login)) {
      await this.log.until('left', this.log.of('left').length + 1);
    }
  }
}

/** Request and OK: the connect id, checked to be the same for both. */
export async function agree(requester: RfcPeer, target: RfcPeer): Promise<bigint> {
  requester.request(target.name);
  const names = { requester: requester.name, target: target.name };
  expect(await target.next(5)).toEqual({ op: 5, ...names });
  target.ok(requester.name);
  const [one, two] = await Promise.all([requester.next(8), target.next(8)]);
  expect(one).toEqual({ op: 8, ...names, connectId: one.connectId });
  expect(two).toEqual(one);
  return one.connectId;
}

let marks = 0;

/**
 * Shows that the server had sent the client nothing (more): what the client tells itself now is the next that it gets.
 * It also shows that the server has handled all that the client had sent before.
 */
export async function expectSilence(...peers: RfcPeer[]): Promise<void> {
  for (const peer of peers) {
    marks += 1;
    const msg = `mark ${marks}`;
    peer.tell(peer.name, msg);
    expect(await peer.next()).toEqual({ op: 4, sender: peer.name, target: peer.name, msg });
  }
}

/**
 * Resolves when a number has not changed over many round trips of a client: clients and server share this process's
 * event loop, so whatever could move has been given its turn by then.
 */
export async function settles(peer: RfcPeer, progress: () => number): Promise<number> {
  let last = -1;
  for (let still = 0; still < 40; still += 1) {
    const now = progress();
    if (now !== last) still = 0;
    last = now;
    peer.tell(peer.name, 'still?');
    await peer.next(4);
  }
  return last;
}

/** Lets the server handle what is on its way to it on other connections than this client's: 40 round trips. */
export async function turns(peer: RfcPeer): Promise<void> {
  await settles(peer, () => 0);
}

/** Timers stand still until the test moves them; sockets do not. */
export function stopTheClock(): void {
  if (TESTED_SERVER) leaveOut('it moves the clock of the server');
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
}
