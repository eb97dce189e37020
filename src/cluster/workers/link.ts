import type { Duplex } from 'node:stream';
import { deserialize, serialize } from 'node:v8';
import { HeldBytes } from '../../net/held-bytes.ts';
import type { Carrier } from '../../server/carriers.ts';
import type { Member, SessionId } from '../../server/directory.ts';
import type { PairInfo, SessionInfo } from '../../server/events.ts';
import type { SourceNews } from '../../server/limits/source-account.ts';
import type { Closed, Closing, Counted, NegotiatedId } from '../../server/others.ts';
import type { WorkerName } from '../worker-name.ts';

/** A client, as another worker knows it. */
export type SentClient = Member & Pick<SessionInfo, 'remoteAddress' | 'fingerprint' | 'longBytes' | 'encrypted'>;

/** What one worker says to another, beside the packets for clients. */
export type LinkNote =
  | { readonly is: 'worker'; readonly name: WorkerName }
  | { readonly is: 'met' }
  | { readonly is: 'added'; readonly client: SentClient; readonly granted: number }
  | { readonly is: 'left'; readonly id: SessionId; readonly key: string }
  | { readonly is: 'request'; readonly requester: SentClient; readonly key: string }
  /** The request waits for its answer there. */
  | { readonly is: 'pending'; readonly requester: SessionId; readonly target: Member }
  /** It has been answered, by this packet, or nobody there has the login. One without the other must not arrive. */
  | { readonly is: 'done'; readonly requester: SessionId; readonly key: string; readonly answer?: Buffer }
  | { readonly is: 'behind'; readonly client: SentClient; readonly isBehind: boolean }
  | { readonly is: 'flush'; readonly id: SessionId; readonly question: number }
  | { readonly is: 'flushed'; readonly question: number }
  | { readonly is: 'close'; readonly by: Member; readonly closing: Closing; readonly question: number }
  | { readonly is: 'closed'; readonly closed: Closed; readonly question: number }
  /** Without a question, the id has been counted before: the two have met again. */
  | { readonly is: 'id'; readonly id: NegotiatedId; readonly question: number | undefined }
  | { readonly is: 'counted'; readonly counted: Counted; readonly question: number }
  | { readonly is: 'idOver'; readonly connectId: bigint }
  | { readonly is: 'sources'; readonly news: readonly SourceNews[] }
  | { readonly is: 'unanswered'; readonly session: SessionId; readonly address: string }
  | { readonly is: 'channel'; readonly pair: PairInfo; readonly id: string; readonly isOpen: boolean };

export interface LinkHandlers {
  /** Packets for everyone; lent for the call. */
  onPost(frame: Buffer): void;
  /** A packet for a session, or, with `#` in front, for who has that login; lent for the call. */
  onTell(to: string, frame: Buffer): void;
  onNote(note: LinkNote): void;
  /** What waits has gone, where it was more than should. */
  onRoom(): void;
  onClose(): void;
}

/** Kinds of frames: INT size of what follows, one byte for the kind, then the rest. */
const POST = 1;
const TELL = 2;
const NOTE = 3;
const HEAD_BYTES = 5;

/** With so much waiting for the other side, the one that says more is not read until it has gone. */
const FULL_BYTES = 256 * 1024;

const EMPTY = Buffer.alloc(0);

/** A Unix socket, or a stream that survives cuts, and says whether there has been one lately. */
export type LinkStream = Duplex & Partial<Pick<Carrier, 'isLate'>>;

/**
 * A connection between two workers. What is said stays in order; what is said in one turn of the event loop leaves in one
 * write.
 */
export class Link implements Carrier {
  readonly #socket: LinkStream;
  readonly #handlers: LinkHandlers;
  readonly #queue = new HeldBytes();
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #scheduled = false;
  #wasFull = false;
  /** What has come and is not handed over: the beginning of a frame, or more while it is paused. */
  #held: Buffer = EMPTY;
  #holds = 0;
  #hasEnded = false;

  constructor(socket: LinkStream, handlers: LinkHandlers) {
    this.#socket = socket;
    this.#handlers = handlers;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket
      .once('end', this.#onEnd)
      .on('error', this.#onEnd)
      .once('close', () => handlers.onClose());
  }

  /** Whether more waits than should. */
  get isFull(): boolean {
    return !this.#socket.destroyed && this.#queue.length + this.#socket.writableLength >= FULL_BYTES;
  }

  get isLate(): boolean {
    return this.#socket.isLate ?? false;
  }

  post(frame: Buffer): void {
    this.#send(POST, EMPTY, frame);
  }

  tell(to: string, frame: Buffer): void {
    const name = Buffer.from(to);
    this.#send(TELL, Buffer.concat([Buffer.from([name.length]), name]), frame);
  }

  note(note: LinkNote): void {
    this.#send(NOTE, EMPTY, serialize(note));
  }

  /** Hands over nothing more until it is released as often: the other side waits. */
  pause(): void {
    this.#holds += 1;
    this.#socket.pause();
  }

  release(): void {
    this.#holds -= 1;
    if (this.#holds > 0 || this.#socket.destroyed) return;
    this.#handOver();
    if (this.#holds === 0) this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #send(kind: number, first: Buffer, rest: Buffer): void {
    this.#head.writeUInt32BE(1 + first.length + rest.length, 0);
    this.#head[4] = kind;
    for (const part of [this.#head, first, rest]) this.#queue.append(part);
    // Noted now: what waits before this may have gone by the time that this is written.
    this.#wasFull ||= this.isFull;
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    if (this.#socket.destroyed) return;
    this.#socket.write(this.#queue.take(), () => {
      if (!this.#wasFull || this.isFull) return;
      this.#wasFull = false;
      this.#handlers.onRoom();
    });
  };

  /**
   * The other side ends it by its death alone, which is an error where it had not read all. What it has said before is handed
   * over, paused or not: it is no more than a socket gives at once.
   */
  readonly #onEnd = (): void => {
    this.#hasEnded = true;
    this.#handOver();
    this.#socket.destroy();
  };

  #onData(chunk: Buffer): void {
    this.#held = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk;
    this.#handOver();
  }

  #handOver(): void {
    const bytes = this.#held;
    let at = 0;
    while ((this.#holds === 0 || this.#hasEnded) && bytes.length - at >= HEAD_BYTES) {
      const end = at + 4 + bytes.readUInt32BE(at);
      if (bytes.length < end) break;
      this.#onFrame(bytes[at + 4]!, bytes.subarray(at + HEAD_BYTES, end));
      at = end;
    }
    const rest = bytes.subarray(at);
    // What is left of a chunk must not keep all of it for long.
    this.#held = this.#holds > 0 ? rest : rest.length === 0 ? EMPTY : Buffer.from(rest);
  }

  #onFrame(kind: number, rest: Buffer): void {
    if (kind === POST) return this.#handlers.onPost(rest);
    if (kind === NOTE) return this.#handlers.onNote(deserialize(rest) as LinkNote);
    const nameEnd = 1 + rest[0]!;
    this.#handlers.onTell(rest.toString('utf8', 1, nameEnd), rest.subarray(nameEnd));
  }
}
