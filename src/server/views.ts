import type { PairInfo, SessionInfo } from './events.ts';

/** A client's main connection, at one moment. */
export interface SessionView extends SessionInfo {
  /** The address that it has connected to, with the real port, as `tcp://127.0.0.1:7777`. */
  readonly listener: string;
  /** When it was accepted. */
  readonly connectedAt: Date;
  /** How long it has sent no whole packet, in milliseconds. */
  readonly idleMs: number;
  /** Packets that it has sent. */
  readonly packets: number;
  /** Bytes of those. */
  readonly bytesReceived: number;
  /** Bytes that the operating system has taken for it. */
  readonly bytesSent: number;
  /** Memory, in bytes, that waits for it. */
  readonly queuedBytes: number;
}

/** One of the two connections of a private connection, at one moment. */
export interface HalfView {
  /** Where it connects from, as `192.0.2.1`. */
  readonly remoteAddress: string | undefined;
  /** Whether nobody on the way can read it. */
  readonly encrypted: boolean;
  /** Bytes that it has sent. */
  readonly bytesReceived: number;
  /** Bytes that wait for it. */
  readonly queuedBytes: number;
}

/** A private connection that is relayed, at one moment. */
export interface ChannelView extends PairInfo {
  /** Names the private connection; no other one of the server ever has the same. It is not its connect id. */
  readonly id: string;
  /** When both halves had come. */
  readonly since: Date;
  /** Its two connections, in the order in which they came: which party each is of, the protocol does not say. */
  readonly halves: readonly [HalfView, HalfView];
}
