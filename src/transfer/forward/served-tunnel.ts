import { setMaxListeners } from 'node:events';
import http2, { type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { isChatosError, type ChatosError } from '../../errors.ts';
import { resetSocket } from '../../net/reset-socket.ts';
import { withResolvers } from '../../util/deferred.ts';
import type { PipedChannel } from '../pipe.ts';
import { causeOfError, forwardError, refusal, type Cause } from './causes.ts';
import { carryConnection, type Connection, type ServingEvents } from './connection-events.ts';
import { readControlLines, writeControlLine, type AskerLine, type ServerLine } from './control-lines.ts';
import { dialTarget } from './dial-target.ts';
import { formatEndpoint, parseEndpoint, type Endpoint } from './endpoint.ts';
import { remoteOf } from './listen-locally.ts';
import type { Permits } from './permits.ts';
import { RemoteListeners } from './remote-listeners.ts';
import {
  BEGIN_TIMEOUT_MS,
  CONNECT_PATH,
  CONTROL_PATH,
  INCOMING_PATH,
  serveSession,
  sessionFailure,
} from './session.ts';
import { TunnelStream } from './tunnel-stream.ts';

export interface ServedTunnelOptions {
  /** What the peer may connect to. */
  readonly permits: Permits;
  /** What it may listen on. */
  readonly listenPermits: Permits;
  /** Connections at once. */
  readonly maxConnections: number;
  /** How long a target may take to answer, in ms. */
  readonly dialTimeoutMs: number;
  /** @default Infinity */
  readonly idleTimeoutMs?: number;
  readonly events: ServingEvents;
}

const { NGHTTP2_CONNECT_ERROR } = http2.constants;
/** A target that is asked for is a host and a port, or a path, with `%` for what a header cannot hold. */
const MAX_TARGET_CHARS = 1_024;

/** The side of a tunnel that was asked for it: it connects to what the peer names, where that is permitted. */
export class ServedTunnel {
  /** Resolves to why, when there is no tunnel any more. */
  readonly closed: Promise<ChatosError>;
  readonly peer: string;
  readonly #channel: PipedChannel;
  readonly #options: ServedTunnelOptions;
  readonly #session: ServerHttp2Session;
  readonly #streams = new Map<number, TunnelStream>();
  readonly #stopped = new AbortController();
  readonly #listeners: RemoteListeners;
  #control: ServerHttp2Stream | undefined;

  constructor(channel: PipedChannel, options: ServedTunnelOptions) {
    this.peer = channel.peer;
    this.#channel = channel;
    this.#options = options;
    const { promise, resolve } = withResolvers<ChatosError>();
    this.closed = promise;
    let cause: Error | undefined;
    channel.once('error', (error) => (cause = error));
    // Each connection listens: many are no sign of a leak.
    setMaxListeners(0, this.#stopped.signal);
    this.#listeners = new RemoteListeners({
      peer: channel.peer,
      permits: options.listenPermits,
      maxPending: options.maxConnections,
      takeTimeoutMs: options.dialTimeoutMs,
      events: options.events,
      say: (line) => this.#say(line),
    });
    this.#session = serveSession(channel, options.maxConnections, () => this.#streams.size);
    this.#session.on('stream', (stream, headers) => this.#onStream(stream, headers));
    const silent = setTimeout(() => this.destroy(), BEGIN_TIMEOUT_MS);
    this.#session.once('error', (error) => (cause ??= error));
    this.#session.once('close', () => {
      clearTimeout(silent);
      this.#stopped.abort();
      this.#listeners.close();
      setImmediate(() => resolve(this.#lost(cause)));
    });
    this.#began = () => clearTimeout(silent);
  }

  readonly #began: () => void;

  /** Breaks the tunnel off: all its connections are reset. */
  destroy(): void {
    this.#channel.destroy();
    this.#session.destroy();
  }

  #onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    stream.on('error', () => undefined);
    const path = headers[':path'];
    if (path === CONTROL_PATH && !this.#control) return this.#onControl(stream);
    if (!this.#control) return refuse(stream, 'failed');
    if (path === CONNECT_PATH) void this.#onConnect(stream, headers['target']);
    else if (path?.startsWith(INCOMING_PATH)) void this.#onTaken(stream, Number(path.slice(INCOMING_PATH.length)));
    else refuse(stream, 'failed');
  }

  #onControl(stream: ServerHttp2Stream): void {
    this.#began();
    this.#control = stream;
    stream.respond({ ':status': 200 });
    const end = (): void => this.destroy();
    readControlLines<AskerLine>(stream, ['reset', 'may-connect', 'listen', 'drop'], (line) => this.#onLine(line)).then(
      end,
      end,
    );
  }

  #onLine(line: AskerLine): void {
    if (line.type === 'reset') {
      this.#streams.get(line.stream)?.reset();
    } else if (line.type === 'may-connect') {
      const { permits, events } = this.#options;
      const target = parseEndpoint(line.target);
      const isPermitted = permits.find(target) !== undefined;
      this.#say({ type: isPermitted ? 'permitted' : 'not-permitted', question: line.question });
      const name = formatEndpoint(target);
      if (!isPermitted) events.onRefused(this.peer, name, refusal(name, 'not-permitted'));
    } else if (line.type === 'listen') {
      void this.#listeners.listen(line);
    } else {
      this.#listeners.drop(line.connection);
    }
  }

  /** The peer takes a connection that was made to a port of its. */
  async #onTaken(stream: ServerHttp2Stream, number: number): Promise<void> {
    const taken = this.#listeners.take(number);
    if (!taken) return refuse(stream, 'gone');
    const tunnelStream = this.#keep(stream);
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    const connection = { from: remoteOf(taken.socket), target: `${taken.at} of ${this.peer}` };
    await carryConnection(connection, taken.socket, tunnelStream, this.#options);
  }

  #say(line: ServerLine): void {
    writeControlLine(this.#control!, line);
  }

  async #onConnect(stream: ServerHttp2Stream, header: string | string[] | undefined): Promise<void> {
    const target = readTarget(header);
    if (!target) return refuse(stream, 'failed');
    const connection: Connection = { from: this.peer, target: formatEndpoint(target) };
    const { permits, dialTimeoutMs, events } = this.#options;
    const given = new AbortController();
    const tunnelStream = this.#keep(stream);
    stream.once('close', () => given.abort());
    this.#stopped.signal.addEventListener('abort', () => given.abort(), { once: true, signal: given.signal });
    try {
      const socket = await dialTarget(target, { timeoutMs: dialTimeoutMs, signal: given.signal, permits });
      // The peer went away meanwhile: that is no end of what it sent.
      if (stream.destroyed) return resetSocket(socket);
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      await carryConnection(connection, socket, tunnelStream, this.#options);
    } catch (error) {
      // The peer does not wait for it any more.
      if (given.signal.aborted) return;
      refuse(stream, causeOfError(error));
      events.onFailed(connection, isChatosError(error) ? error : forwardError(connection.target, 'failed', error));
    }
  }

  /** So that the peer can reset it. */
  #keep(stream: ServerHttp2Stream): TunnelStream {
    const tunnelStream = new TunnelStream(stream, () => stream.close(NGHTTP2_CONNECT_ERROR));
    const { id } = stream;
    if (id !== undefined) {
      this.#streams.set(id, tunnelStream);
      stream.once('close', () => this.#streams.delete(id));
    }
    return tunnelStream;
  }

  #lost(cause: Error | undefined): ChatosError {
    return sessionFailure(this.peer, cause, `the private connection with ${this.peer} is over`);
  }
}

function refuse(stream: ServerHttp2Stream, cause: Cause): void {
  if (stream.destroyed || stream.closed) return;
  stream.resume();
  stream.respond({ ':status': 502, cause }, { endStream: true });
}

function readTarget(header: string | string[] | undefined): Endpoint | undefined {
  if (typeof header !== 'string' || header.length > MAX_TARGET_CHARS) return undefined;
  try {
    return parseEndpoint(decodeURIComponent(header));
  } catch {
    return undefined;
  }
}
