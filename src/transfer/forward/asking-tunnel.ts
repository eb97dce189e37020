import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, IncomingHttpStatusHeader } from 'node:http2';
import { ChatosError } from '../../errors.ts';
import { createDeferred, withResolvers } from '../../util/deferred.ts';
import type { PipedChannel } from '../pipe.ts';
import { causeOf, forwardError } from './causes.ts';
import { readControlLines, writeControlLine, type AskerLine, type ServerLine } from './control-lines.ts';
import { formatEndpoint, parseListenEndpoint, type Endpoint } from './endpoint.ts';
import { BEGIN_TIMEOUT_MS, CONNECT_PATH, CONTROL_PATH, INCOMING_PATH, openSession, sessionFailure } from './session.ts';
import { TunnelStream } from './tunnel-stream.ts';

type Answer = IncomingHttpHeaders & IncomingHttpStatusHeader;

interface Limits {
  /** In milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** A connection that somebody has made to a port of the other side, which waits for us. */
export interface IncomingConnection {
  /** Who has made it, in the words of the other side. */
  readonly from: string;
  /** Takes it. */
  accept(limits: Limits): Promise<TunnelStream>;
  /** Turns it away. */
  drop(): void;
}

/**
 * The side of a tunnel that has asked for it: many connections over one channel, each as a stream of HTTP/2. When the
 * channel is lost, all of them are reset.
 */
export class AskingTunnel {
  /** Resolves to why, when there is no tunnel any more. */
  readonly closed: Promise<ChatosError>;
  readonly peer: string;
  readonly #channel: PipedChannel;
  readonly #session: ClientHttp2Session;
  readonly #control: ClientHttp2Stream;
  readonly #maxConnections: number;
  readonly #listeners = new Map<number, (incoming: IncomingConnection) => void>();
  /** The questions that wait for an answer. */
  readonly #asked = new Map<number, (line: ServerLine) => void>();
  /** The session's own. */
  #failure: Error | undefined;
  #open = 0;
  #questions = 0;

  private constructor(channel: PipedChannel, maxConnections: number) {
    this.peer = channel.peer;
    this.#channel = channel;
    this.#maxConnections = maxConnections;
    this.#session = openSession(channel, maxConnections, () => this.#open);
    channel.on('error', () => undefined);
    const { promise, resolve } = withResolvers<ChatosError>();
    this.closed = promise;
    this.#session.once('error', (error) => (this.#failure = error));
    this.#session.once('close', () => setImmediate(() => resolve(this.#lost())));
    this.#control = this.#session.request({ ':method': 'POST', ':path': CONTROL_PATH }, { endStream: false });
    this.#control.on('error', () => undefined);
  }

  /**
   * Begins a tunnel over a channel.
   *
   * @throws {ChatosError} `REQUEST_REFUSED` where the other side is no `forward --listen`; `CHANNEL_ABORTED`, `ABORTED`
   */
  static async open(
    channel: PipedChannel,
    { maxConnections, signal }: { maxConnections: number; signal: AbortSignal },
  ): Promise<AskingTunnel> {
    const tunnel = new AskingTunnel(channel, maxConnections);
    const what = `${channel.peer} does not answer as 'forward --listen' does`;
    try {
      const { ':status': status } = await tunnel.#answer(
        tunnel.#control,
        { timeoutMs: BEGIN_TIMEOUT_MS, signal },
        what,
      );
      if (status !== 200) throw new ChatosError('REQUEST_REFUSED', what);
    } catch (error) {
      tunnel.destroy();
      const isSilent = error instanceof ChatosError && ['TIMED_OUT', 'CHANNEL_ABORTED'].includes(error.code);
      throw isSilent
        ? new ChatosError('REQUEST_REFUSED', what, { cause: error, fields: { peer: channel.peer } })
        : error;
    }
    readControlLines<ServerLine>(tunnel.#control, SERVER_LINES, (line) => tunnel.#onLine(line)).then(
      () => tunnel.destroy(),
      () => tunnel.destroy(),
    );
    return tunnel;
  }

  get isOpen(): boolean {
    return !this.#session.closed && !this.#session.destroyed;
  }

  /**
   * Connects to a target at the other side.
   *
   * @throws {ChatosError} `NOT_PERMITTED`, `CONNECT_FAILED`, `TIMED_OUT`, `QUEUE_FULL`, `CHANNEL_ABORTED` or `ABORTED`
   */
  connect(target: Endpoint, limits: Limits): Promise<TunnelStream> {
    const what = formatEndpoint(target);
    return this.#request(what, { ':path': CONNECT_PATH, target: encodeURIComponent(what) }, limits);
  }

  /**
   * Whether the other side permits a target.
   *
   * @throws {ChatosError} `TIMED_OUT`, `CHANNEL_ABORTED` or `ABORTED`
   */
  async mayConnect(target: Endpoint, limits: Limits): Promise<boolean> {
    const what = formatEndpoint(target);
    const line = await this.#ask(what, (question) => ({ type: 'may-connect', question, target: what }), limits);
    return line.type === 'permitted';
  }

  /**
   * Listens at an endpoint of the other side; resolves to the one that was really taken.
   *
   * @throws {ChatosError} `NOT_PERMITTED`, `LISTEN_FAILED`, `TIMED_OUT`, `CHANNEL_ABORTED` or `ABORTED`
   */
  async listen(at: Endpoint, onIncoming: (incoming: IncomingConnection) => void, limits: Limits): Promise<Endpoint> {
    const what = formatEndpoint(at);
    let listener = 0;
    const line = await this.#ask(
      what,
      (question) => {
        listener = question;
        this.#listeners.set(listener, onIncoming);
        return { type: 'listen', listener, at: what };
      },
      limits,
    );
    if (line.type === 'listening') return parseListenEndpoint(line.at);
    this.#listeners.delete(listener);
    throw forwardError(what, causeOf('cause' in line ? line.cause : undefined));
  }

  /** Breaks the tunnel off: all its connections are reset, here and at the other side. */
  destroy(): void {
    this.#channel.destroy();
    this.#session.destroy();
  }

  async #request(
    what: string,
    headers: { readonly ':path': string; readonly target?: string },
    limits: Limits,
  ): Promise<TunnelStream> {
    if (!this.isOpen) throw this.#lost();
    const { maxConcurrentStreams = Infinity } = this.#session.remoteSettings;
    if (this.#open + 1 >= Math.min(maxConcurrentStreams, this.#maxConnections + 1)) throw forwardError(what, 'busy');
    const stream = this.#session.request(
      { ':method': 'POST', ...headers },
      { endStream: false, waitForTrailers: true },
    );
    const tunnelStream = new TunnelStream(stream, () => this.#reset(stream));
    this.#open += 1;
    stream.once('close', () => (this.#open -= 1));
    try {
      const { ':status': status, cause } = await this.#answer(stream, limits, `no answer from ${what}`);
      if (status === 200) return tunnelStream;
      // To reset it would count against us.
      tunnelStream.end();
      stream.resume();
      throw forwardError(what, causeOf(cause));
    } catch (error) {
      if (!stream.writableEnded) tunnelStream.reset();
      throw error;
    }
  }

  async #ask(what: string, lineFor: (question: number) => AskerLine, limits: Limits): Promise<ServerLine> {
    const question = ++this.#questions;
    const answer = createDeferred<ServerLine>({ ...limits, what: `no answer from ${this.peer} about ${what}` });
    const onClose = (): void => {
      if (!answer.settled) answer.reject(this.#lost());
    };
    this.#asked.set(question, (line) => {
      if (!answer.settled) answer.resolve(line);
    });
    this.#session.once('close', onClose);
    if (!this.isOpen) onClose();
    this.#say(lineFor(question));
    try {
      return await answer.promise;
    } finally {
      this.#session.off('close', onClose);
      this.#asked.delete(question);
    }
  }

  async #answer(stream: ClientHttp2Stream, limits: Limits, what: string): Promise<Answer> {
    const answer = createDeferred<Answer>({ ...limits, what });
    const onClose = (): void => {
      if (!answer.settled) answer.reject(this.#lost());
    };
    stream.once('response', (headers) => {
      if (!answer.settled) answer.resolve(headers);
    });
    stream.once('close', onClose);
    try {
      return await answer.promise;
    } finally {
      stream.off('close', onClose);
    }
  }

  #reset(stream: ClientHttp2Stream): void {
    if (stream.id !== undefined) this.#say({ type: 'reset', stream: stream.id });
    // What still comes is dropped, until the other side has closed it.
    stream.removeAllListeners('data').resume();
  }

  #say(line: AskerLine): void {
    writeControlLine(this.#control, line);
  }

  #onLine(line: ServerLine): void {
    if (line.type !== 'incoming') {
      this.#asked.get('question' in line ? line.question : line.listener)?.(line);
      return;
    }
    const { connection, from } = line;
    const drop = (): void => this.#say({ type: 'drop', connection });
    const accept = (limits: Limits): Promise<TunnelStream> =>
      this.#request(`the connection from ${from}`, { ':path': `${INCOMING_PATH}${connection}` }, limits);
    const onIncoming = this.#listeners.get(line.listener);
    if (onIncoming) onIncoming({ from, accept, drop });
    else drop();
  }

  #lost(): ChatosError {
    const cause = this.#channel.errored ?? this.#failure;
    return sessionFailure(this.peer, cause, `the private connection with ${this.peer} broke`);
  }
}

const SERVER_LINES = ['permitted', 'not-permitted', 'listening', 'not-listening', 'incoming'] as const;
