import type { Socket } from 'node:net';
import { Deadlines, type Deadline } from '../util/deadlines.ts';
import type { ProxyProtocol } from './address-parameters.ts';
import { HeldBytes } from './held-bytes.ts';
import { readProxyHeader } from './proxy-header.ts';

/** Why a connection of a proxy was closed before its header was read. */
export type HeaderFailure = 'invalid' | 'late';

export interface ProxyHeadersOptions {
  /** Whether a connection from this address may send a header; one that may not is closed at once, and not read. */
  readonly mayRelay: (from: string) => boolean;
  /** How long it may take, in milliseconds. */
  readonly timeoutMs: number;
  /** A connection was closed, as no header came that can be read; `from` is the proxy. */
  readonly onFailed: (from: string, why: string, failure: HeaderFailure) => void;
}

/** A connection whose header has not come yet. */
interface Expected {
  readonly socket: Socket;
  readonly from: string;
  readonly version: ProxyProtocol;
  readonly onSource: (source: string) => void;
  readonly held: HeldBytes;
  readonly onReadable: () => void;
  readonly onClose: () => void;
  deadline: Deadline | undefined;
}

/**
 * Connections that proxies have relayed, until their header has said whom for (P20). What comes behind the header stays in
 * the socket, for its next reader.
 */
export class ProxyHeaders {
  readonly #mayRelay: ProxyHeadersOptions['mayRelay'];
  readonly #onFailed: ProxyHeadersOptions['onFailed'];
  readonly #expected = new Set<Expected>();
  readonly #deadlines: Deadlines<Expected>;

  constructor({ mayRelay, timeoutMs, onFailed }: ProxyHeadersOptions) {
    this.#mayRelay = mayRelay;
    this.#onFailed = onFailed;
    this.#deadlines = new Deadlines(timeoutMs, (each) =>
      this.#fail(each, `it did not come within ${this.#deadlines.ms / 1000} s`, 'late'),
    );
  }

  /** How long it may take, in milliseconds. */
  set timeoutMs(ms: number) {
    this.#deadlines.ms = ms;
  }

  /** Connections whose header has not come yet. */
  get waiting(): number {
    return this.#expected.size;
  }

  /** Reads the header of a connection that was just accepted, and calls back with the address that the client has. */
  read(socket: Socket, version: ProxyProtocol, onSource: (source: string) => void): void {
    const { remoteAddress: from } = socket;
    // One that is gone already has no address: a check that somebody listens may reset it at once.
    if (from === undefined || !this.#mayRelay(from)) {
      socket.destroy();
      return;
    }
    const onReadable = (): void => this.#look(expected);
    const onClose = (): void => this.#forget(expected);
    const held = new HeldBytes();
    const expected: Expected = { socket, from, version, onSource, held, onReadable, onClose, deadline: undefined };
    expected.deadline = this.#deadlines.add(expected);
    this.#expected.add(expected);
    socket.on('error', onClose).on('readable', onReadable).on('end', onReadable).on('close', onClose);
  }

  /** Closes those whose header has not come. */
  close(): void {
    for (const each of this.#expected) this.#drop(each);
  }

  #look(expected: Expected): void {
    if (!this.#expected.has(expected)) return;
    const { socket, version, held } = expected;
    for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) {
      held.append(chunk);
    }
    const header = readProxyHeader(held.from(0), version);
    if (header.is === 'invalid') return this.#fail(expected, header.why, 'invalid');
    if (header.is === 'header') return this.#handOver(expected, header.bytes, header.source ?? expected.from);
    if (!socket.readableEnded) return;
    // A check whether anybody listens says nothing at all.
    if (held.length === 0) this.#drop(expected);
    else this.#fail(expected, 'the connection ended in the middle of it', 'invalid');
  }

  #handOver(expected: Expected, headerBytes: number, source: string): void {
    const { socket, held, onSource } = expected;
    this.#forget(expected);
    const rest = held.from(headerBytes);
    if (rest.length > 0) socket.unshift(rest);
    // The stream forgets by then that it was read: it is as one that was just accepted.
    process.nextTick(() => {
      // Who has ended behind the header, without a byte, wants nothing; the end would not be seen any more.
      if (socket.readableEnded) socket.destroy();
      else if (!socket.destroyed) onSource(source);
    });
  }

  #fail(expected: Expected, why: string, failure: HeaderFailure): void {
    this.#drop(expected);
    this.#onFailed(expected.from, why, failure);
  }

  #drop(expected: Expected): void {
    this.#forget(expected);
    expected.socket.destroy();
  }

  #forget(expected: Expected): void {
    const { socket, deadline, onReadable, onClose } = expected;
    this.#expected.delete(expected);
    this.#deadlines.delete(deadline);
    socket.off('readable', onReadable).off('end', onReadable).off('close', onClose);
    // The listener for errors stays: the socket may break while nobody has it.
  }
}
