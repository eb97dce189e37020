import { ChatosError } from '../errors.ts';
import { PacketDecoder } from '../protocol/decoder.ts';
import { encodePacket } from '../protocol/encoder.ts';
import { DEFAULT_LONG_BYTES, type LongBytes } from '../protocol/limits.ts';
import type { Packet } from '../protocol/packets.ts';
import { Deadlines, type Deadline } from '../util/deadlines.ts';
import { withResolvers } from '../util/deferred.ts';
import { dribblers } from './dribblers.ts';
import { HeldBytes } from './held-bytes.ts';
import { nameProtocol } from './other-protocols.ts';
import { PacketWriter, writeQueued, type Written } from './packet-writer.ts';
import type { Receivers } from './receivers.ts';
import type { Transport } from './transport.ts';
import { TurnQueue } from './turn-queue.ts';
import { TurnShare } from './turn-share.ts';

export interface PacketConnectionOptions {
  /** Width of a LONG on this connection (P1). @default 4 */
  readonly longBytes?: LongBytes;
  /** Memory, in bytes, that may wait for a peer that does not read; beyond, it is closed. @default 1 MiB */
  readonly maxQueuedBytes?: number;
  /** Those among which the peer is counted while something waits for it. @default none */
  readonly receivers?: Receivers;
  /** Those among which it is while a packet is incomplete, made by {@link incompletePackets}. @default its own, 30 s */
  readonly incomplete?: Deadlines<PacketConnection>;
}

export interface PacketConnectionHandlers {
  /** One packet; `frame()` gives its bytes, valid during the call only. */
  onPacket(packet: Packet, frame: () => Buffer): void;
  /** The peer has really ended its side in order (see {@link Transport.onEnd}): nothing more comes, and our side ends as well. */
  onEnd?(): void;
  /** Much waits for the peer, though it reads: senders that can wait for it should (P17); or this is over. */
  onBehind?(isBehind: boolean): void;
  /** Once, at the end: without an error where both sides ended in order. Not called after `detach`. */
  onClose(error: ChatosError | undefined): void;
}

/** How long a packet may stay incomplete where nothing else is said. */
const PACKET_TIMEOUT_MS = 30_000;

/** After our FIN, the peer has this long to end its side. */
const LINGER_MS = 5_000;

/** Those that have had it: thousands may have been ended at once, and to close them all takes longer than a turn may. */
const lingered = new TurnQueue<PacketConnection>((connection) => connection.destroy());

/** While input is held, this much of it is read, so that an end or an error is noticed; past that, the peer waits. */
const MAX_HELD_BYTES = 64 * 1024;

/**
 * Those whose packets wait for the next turn of the event loop, as they, or all, have had their share of this one. The
 * answers are written in the same turn: who has waited once does not wait for another one.
 */
const postponed = new TurnQueue<PacketConnection>((connection) => connection.continue(), writeQueued);

/** The same of newcomers: thousands that log in at once must not hold up those who are in. */
const newcomers = new TurnQueue<PacketConnection>((connection) => connection.continue());

/** Whether packets that have come already, on any connection, are handed over in the next turn of the event loop. */
export function morePacketsWait(): boolean {
  return postponed.size + newcomers.size > 0;
}

/** Closes connections on which a packet stays incomplete for so many milliseconds (P4): one timer for all of them. */
export function incompletePackets(timeoutMs: number): Deadlines<PacketConnection> {
  const fields = { limitName: 'packetTimeoutMs' };
  const deadlines: Deadlines<PacketConnection> = new Deadlines(timeoutMs, (connection) => {
    const message = `a packet stayed incomplete for ${deadlines.ms / 1000} s`;
    connection.destroy(new ChatosError('MALFORMED_PACKET', message, { fields }));
  });
  return deadlines;
}

/**
 * A transport that speaks packets: bytes are decoded as they come, and what is sent during one turn of the event loop
 * leaves in one write at its end.
 */
export class PacketConnection {
  readonly longBytes: LongBytes;
  readonly #transport: Transport;
  readonly #writer: PacketWriter;
  readonly #decoder: PacketDecoder;
  readonly #handlers: PacketConnectionHandlers;
  #incomplete: Deadlines<PacketConnection> | undefined;
  /** When the packet must be complete that has begun. */
  #packetDeadline: Deadline | undefined;
  #lingerTimer: NodeJS.Timeout | undefined;
  #reading = true;
  /** How many holds are not released. */
  #holds = 0;
  /** What came while the input is held. */
  #held: HeldBytes | undefined;
  /** The rest waits for the next turn of the event loop: this one's share is used up (P16). */
  #postponed = false;
  readonly #share = new TurnShare();
  /** It waits for its turn among newcomers. */
  #isNewcomer = false;
  /** The peer's end has come while the input was held. */
  #endHeld = false;
  /** The peer's end has come, and it is not known yet whether it is one. */
  #ending: ReturnType<typeof withResolvers<void>> | undefined;
  #closed = false;
  #error: ChatosError | undefined;

  constructor(transport: Transport, handlers: PacketConnectionHandlers, options: PacketConnectionOptions = {}) {
    const { longBytes = DEFAULT_LONG_BYTES, maxQueuedBytes = 1024 * 1024 } = options;
    this.longBytes = longBytes;
    this.#incomplete = options.incomplete;
    this.#transport = transport;
    this.#writer = new PacketWriter(transport, maxQueuedBytes, this, handlers, options.receivers);
    this.#handlers = handlers;
    this.#decoder = new PacketDecoder({ longBytes });
    const { stream } = transport;
    stream.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onError).on('close', this.#onClose);
    dribblers.add(this.#transport);
  }

  /** Whether packets can still be sent. */
  get open(): boolean {
    return this.#writer.open;
  }

  /** Whether it has closed, or was given away. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Where the peer's end may turn out to be an abort: resolves once `onEnd` or `onClose` has been called. */
  get ending(): Promise<void> | undefined {
    return this.#ending?.promise;
  }

  /** Bytes of a write that the operating system has not taken. */
  get unsentBytes(): number {
    return this.#transport.unsentBytes;
  }

  /** Bytes that the operating system has taken for the peer. */
  get sentBytes(): number {
    return this.#writer.takenBytes;
  }

  /** The memory that waits for the peer, in bytes. */
  get waitingBytes(): number {
    return this.#writer.waitingBytes;
  }

  /** Since when the peer has taken nothing of what waits for it, as `performance.now()`; only among `receivers`. */
  get stalledSince(): number | undefined {
    return this.#writer.stalledSince;
  }

  /**
   * Encodes a packet and queues it for the end of this turn.
   *
   * @param isPatient whether it may wait for a later turn, behind what goes to other connections: as thousands get the like
   *
   * @throws {ChatosError} `INVALID_PACKET`, before anything is queued
   */
  send(packet: Packet, written?: Written, isPatient?: boolean): void {
    this.sendBytes(encodePacket(packet, this.longBytes), written, isPatient);
  }

  /** The same for bytes that are one or more whole packets already. They must not change afterwards. */
  sendBytes(bytes: Buffer, written?: Written, isPatient?: boolean): void {
    this.#writer.write(bytes, written, isPatient);
  }

  /** The same, and sure not to write, nor to close the connection, before this turn's end. */
  queueBytes(bytes: Buffer): void {
    this.#writer.queue(bytes);
  }

  /** Hands everything queued to the transport now. A peer that does not read may be cut off by it. */
  flush(): void {
    this.#writer.flush();
  }

  /** Sends what is queued, then FIN. The connection closes when the peer has ended its side too. */
  end(): void {
    if (!this.open) return;
    this.flush();
    if (!this.open) return;
    this.#writer.finish();
    this.#transport.stream.end();
    this.#lingerTimer = setTimeout(() => lingered.add(this), LINGER_MS);
  }

  /** Closes at once; what is queued is dropped. `onClose` gets the error. */
  destroy(error?: ChatosError): void {
    if (this.#closed) return;
    this.#error ??= error;
    this.#reading = false;
    this.#transport.stream.destroy();
    this.#onClose();
  }

  /**
   * Hands over no more packets until {@link PacketConnection.release} was called as often. What comes meanwhile waits, as
   * does the end behind it; past 64 KiB the peer waits too. An error is noticed: what waited is dropped then.
   */
  hold(): void {
    this.#holds += 1;
  }

  /** The same, and reads nothing meanwhile: the peer waits at once, and an error is noticed after the release. */
  pause(): void {
    this.hold();
    // Of one that was given away, or has closed, the stream is somebody else's.
    if (this.#reading) this.#transport.stream.pause();
  }

  /** Hands over what waited, then what comes, unless it is still held. Not to be called by the handler of a packet. */
  release(): void {
    if (this.#holds === 0) return;
    this.#holds -= 1;
    this.#goOn();
  }

  /**
   * Gives the transport away, paused, with the bytes that came behind the packet handled last. Nothing of this connection
   * touches it any more.
   */
  detach(): { transport: Transport; rest: Buffer } {
    this.#writer.close();
    this.#reading = false;
    this.#closed = true;
    dribblers.delete(this.#transport);
    const { stream } = this.#transport;
    stream.pause();
    stream.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onError).off('close', this.#onClose);
    return { transport: this.#transport, rest: this.#decoder.rest() };
  }

  /** Whether its packets wait among those of newcomers, where there are more than a turn of the event loop has time for. */
  set isNewcomer(isNewcomer: boolean) {
    this.#isNewcomer = isNewcomer;
  }

  /** Hands over what was postponed. */
  continue(): void {
    this.#postponed = false;
    this.#share.renew();
    this.#goOn();
  }

  /** How many bytes the packet has that was handed over last. */
  get packetBytes(): number {
    return this.#decoder.frameBytes;
  }

  readonly #frame = (): Buffer => this.#decoder.frame;

  /** Whether packets that come have to wait. */
  get #waits(): boolean {
    return this.#holds > 0 || this.#postponed;
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#isNewcomer) dribblers.hasRead(this.#transport);
    const usedUp = this.#share.takeBytes(chunk.length);
    if (this.#waits) {
      this.#held ??= new HeldBytes();
      this.#held.append(chunk);
      if (this.#held.length >= MAX_HELD_BYTES) this.#transport.stream.pause();
      return;
    }
    this.#decoder.push(chunk);
    // To put off what completes no packet would cost more than to take it.
    if (this.#share.isOver && this.#decoder.hasPacket) this.#postpone();
    else this.#decode();
    if (!usedUp || !this.#reading) return;
    this.#postpone();
    this.#transport.stream.pause();
  };

  /** Hands over what waited, as far as it need not wait any longer. */
  #goOn(): void {
    if (this.#waits || !this.#reading) return;
    if (this.#held) this.#decoder.push(this.#held.take());
    this.#held = undefined;
    this.#decode();
    if (this.#waits || !this.#reading) return;
    this.#transport.stream.resume();
    if (!this.#endHeld) return;
    this.#endHeld = false;
    this.#onEnd();
  }

  /** Until the next turn, nothing more is handed over: the others' turn comes first. */
  #postpone(): void {
    if (this.#postponed || !this.#reading) return;
    this.#postponed = true;
    (this.#isNewcomer ? newcomers : postponed).add(this);
  }

  #decode(): void {
    let packets = 0;
    while (this.#reading && !this.#waits) {
      let packet: Packet | undefined;
      try {
        packet = this.#decoder.next();
      } catch (error) {
        this.destroy(nameProtocol(error as ChatosError, this.#decoder.rest()));
        return;
      }
      if (packet === undefined) break;
      packets += 1;
      this.#handlers.onPacket(packet, this.#frame);
      if (this.#share.takePacket()) this.#postpone();
    }
    if (packets > 0) this.#forgetIncomplete();
    if (!this.#reading || this.#waits || !this.#decoder.hasPartialPacket) return;
    this.#incomplete ??= incompletePackets(PACKET_TIMEOUT_MS);
    this.#packetDeadline ??= this.#incomplete.add(this);
    if (packets > 0 || this.#isNewcomer) dribblers.add(this.#transport);
    else dribblers.hasRead(this.#transport);
  }

  #forgetIncomplete(): void {
    this.#incomplete?.delete(this.#packetDeadline);
    this.#packetDeadline = undefined;
    dribblers.delete(this.#transport);
  }

  readonly #onEnd = (): void => {
    if (this.#waits) {
      this.#endHeld = true;
    } else if (this.#decoder.hasPartialPacket) {
      this.destroy(new ChatosError('MALFORMED_PACKET', 'the connection ended in the middle of a packet'));
    } else {
      this.#ending = withResolvers();
      this.#transport.onEnd(this.#onConfirmedEnd);
    }
  };

  readonly #onConfirmedEnd = (): void => {
    this.#handlers.onEnd?.();
    this.end();
    this.#ending?.resolve();
    this.#ending = undefined;
  };

  readonly #onError = (error: NodeJS.ErrnoException): void => {
    const message = `the connection broke (${error.code ?? error.message})`;
    this.#error ??= new ChatosError('CONNECTION_LOST', message, { cause: error, fields: { errno: error.code } });
  };

  readonly #onClose = (): void => {
    if (this.#closed) return;
    this.#closed = true;
    this.#reading = false;
    this.#forgetIncomplete();
    clearTimeout(this.#lingerTimer);
    this.#writer.close();
    this.#handlers.onClose(this.#error);
    this.#ending?.resolve();
  };
}
