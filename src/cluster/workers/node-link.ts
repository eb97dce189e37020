import { randomBytes } from 'node:crypto';
import net, { type Socket } from 'node:net';
import { PeerFailure, failedBecause } from '../nodes/peer-failure.ts';
import { callPeer, type HandshakePlan, type NodeProcess } from '../nodes/peer-handshake.ts';
import { makePreface, type PeerKind } from '../nodes/preface.ts';
import { ResumingStream, type LinkTimes } from '../nodes/resuming-stream.ts';

/** A worker process of another node, and where it is reached. */
export interface RemoteProcess extends NodeProcess {
  /** As `host:port`. */
  readonly address: string;
  /** Its number among all processes of the cluster: which connect ids are its own. */
  readonly home: number;
}

export interface NodeLinkHandlers {
  /** There is a stream, and nothing has been said over it; where there was one before, that has ended. */
  onStream(stream: ResumingStream): void;
  /** A stream has ended, and what was said may not have arrived. */
  onGap(why: string): void;
}

/** What a caller wants: to go on with a stream, of which it has heard so much. */
interface LinkRequest {
  readonly link: string;
  readonly heard: number;
  /** Whether it has never had a connection: there need not be such a stream yet. */
  readonly isNew: boolean;
}

/** Where the answerer has no such stream, nothing is said. */
interface LinkAnswer {
  readonly heard?: number;
}

/** Before each call it waits for longer, up to a second, until a connection has lived for so long. In milliseconds. */
const FIRST_PAUSE_MS = 50;
const LAST_PAUSE_MS = 1_000;
const STEADY_MS = 5_000;
const CALL_MS = 5_000;

/** Opens a connection to a process of another node, up to the handshake. */
export function dialProcess(to: RemoteProcess, kind: PeerKind, isEncrypted: boolean): Socket {
  const at = to.address.lastIndexOf(':');
  const host = to.address.slice(0, at).replace(/^\[(.*)\]$/, '$1');
  const socket = net.connect({ host, port: Number(to.address.slice(at + 1)), allowHalfOpen: true, noDelay: true });
  socket.on('error', () => undefined).setKeepAlive(true, CALL_MS);
  socket.write(makePreface({ kind, slot: to.worker.slot, isEncrypted }));
  return socket;
}

/**
 * The link to one process of another node, for as long as both live. One of the two calls, and calls again where the
 * connection breaks. Where the two cannot go on with their stream, there is another one: a gap.
 */
export class NodeLink {
  readonly to: RemoteProcess;
  readonly #plan: HandshakePlan;
  readonly #times: LinkTimes;
  readonly #handlers: NodeLinkHandlers;
  /** Whether this process calls; else, it is called. */
  readonly isCaller: boolean;
  #stream: ResumingStream | undefined;
  /** Whether its stream has had a connection. */
  #isMet = false;
  #calls = 0;
  #pauseMs = FIRST_PAUSE_MS;
  /** Where one is under way, or waits for its time, no other one is begun. */
  #isCalling = false;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  /** Since when it has no connection. */
  #cutAt: number | undefined = performance.now();
  /** Why it could not be called since. */
  #failure: PeerFailure | undefined;
  #connectedAt = 0;
  #breaks = 0;

  constructor(to: RemoteProcess, plan: HandshakePlan, times: LinkTimes, handlers: NodeLinkHandlers) {
    this.to = to;
    this.#plan = plan;
    this.#times = times;
    this.#handlers = handlers;
    this.isCaller = plan.self.node < to.node;
    if (this.isCaller) void this.#call();
  }

  get isUp(): boolean {
    return this.#stream !== undefined && !this.#stream.isCut;
  }

  /** Bytes that the other process may not have. */
  get keptBytes(): number {
    return this.#stream?.keptBytes ?? 0;
  }

  /** For how long it has no connection, in milliseconds; 0 where it has. */
  get cutMs(): number {
    return this.#cutAt === undefined ? 0 : Math.round(performance.now() - this.#cutAt);
  }

  /** Why the last call has failed, while it has no connection. */
  get failure(): PeerFailure | undefined {
    return this.#failure;
  }

  /** How many connections have broken soon, one after the other. */
  get breaks(): number {
    return this.#isSteady ? 0 : this.#breaks;
  }

  get #isSteady(): boolean {
    return this.#cutAt === undefined && performance.now() - this.#connectedAt >= STEADY_MS;
  }

  /**
   * The other process has called. Returns what it is answered, and what is done with the connection then.
   *
   * @throws {PeerFailure} where the caller is to be this process
   */
  answer(request: Buffer): { readonly answer: Buffer; readonly take: (socket: Socket) => void } {
    if (this.isCaller || this.#isClosed) throw new PeerFailure('it is the other one that calls');
    const { link, heard, isNew } = JSON.parse(String(request)) as LinkRequest;
    const answerOf = (answer: LinkAnswer): Buffer => Buffer.from(JSON.stringify(answer));
    const none = { answer: answerOf({}), take: (socket: Socket) => socket.end() };
    if (this.#stream?.id !== link) {
      this.#end('the other process has begun again');
      if (!isNew) return none;
      this.#begin(link);
    }
    const stream = this.#stream!;
    stream.detach();
    this.#lose();
    this.#calls += 1;
    const call = this.#calls;
    const take = (socket: Socket): void => {
      if (call !== this.#calls || this.#stream !== stream) socket.destroy();
      else this.#attach(socket, heard);
    };
    return { answer: answerOf({ heard: stream.heard }), take };
  }

  /** The other process is there no more, nor are its clients: what was said to it is lost to nobody. Or this one ends. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.destroy();
  }

  #begin(id: string): ResumingStream {
    const stream = new ResumingStream(id, this.#times, () => this.#lose());
    this.#stream = stream;
    this.#isMet = false;
    stream.once('close', () => {
      if (this.#stream !== stream) return;
      this.#stream = undefined;
      if (this.#isMet) this.#handlers.onGap(stream.errored?.message ?? 'the link has ended');
      this.#lose();
    });
    return stream;
  }

  /** Its stream is of no use any more. */
  #end(why: string): void {
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.destroy();
    if (stream && this.#isMet) this.#handlers.onGap(why);
    this.#lose();
  }

  #attach(socket: Socket, heard: number): void {
    const stream = this.#stream!;
    if (!stream.attach(socket, heard)) {
      socket.destroy();
      this.#end('the other process has not heard what is no longer known here');
      return;
    }
    this.#connectedAt = performance.now();
    this.#cutAt = undefined;
    this.#failure = undefined;
    if (this.#isMet) return;
    this.#isMet = true;
    this.#handlers.onStream(stream);
  }

  /** There is no connection, for whatever reason: who calls sees to another one. */
  #lose(): void {
    if (this.#isClosed) return;
    if (this.#cutAt === undefined) {
      if (this.#isSteady) this.#pauseMs = FIRST_PAUSE_MS;
      this.#breaks = this.#isSteady ? 0 : this.#breaks + 1;
      this.#cutAt = performance.now();
    }
    this.#callSoon();
  }

  #callSoon(): void {
    if (!this.isCaller || this.#isCalling || this.#timer) return;
    this.#timer = setTimeout(() => void this.#call(), this.#pauseMs * (0.5 + Math.random() / 2)).unref();
    this.#pauseMs = Math.min(2 * this.#pauseMs, LAST_PAUSE_MS);
  }

  async #call(): Promise<void> {
    this.#timer = undefined;
    this.#isCalling = true;
    const stream = this.#stream ?? this.#begin(randomBytes(12).toString('base64url'));
    const request: LinkRequest = { link: stream.id, heard: stream.heard, isNew: !this.#isMet };
    const { to } = this;
    try {
      const socket = dialProcess(to, 'link', this.#plan.isEncrypted);
      const met = await callPeer(socket, to, Buffer.from(JSON.stringify(request)), this.#plan);
      const { heard } = JSON.parse(String(met.answer)) as LinkAnswer;
      if (this.#isClosed || this.#stream !== stream) {
        met.stream.destroy();
      } else if (heard === undefined) {
        met.stream.destroy();
        this.#end('the other process has begun again');
      } else {
        this.#attach(met.stream, heard);
      }
    } catch (error) {
      this.#failure = failedBecause(error);
    }
    this.#isCalling = false;
    if (!this.isUp) this.#lose();
  }
}
