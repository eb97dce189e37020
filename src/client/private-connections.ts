import { ChatosError, isChatosError } from '../errors.ts';
import { formatAddress, type Address } from '../net/address.ts';
import { isUnanswered } from '../net/dead-link.ts';
import { encodePacket } from '../protocol/encoder.ts';
import type { IdPrivate } from '../protocol/packets.ts';
import { loginKey } from '../util/login-key.ts';
import { Channel, type ChannelRole } from './channel.ts';
import { ClientChannels } from './channels.ts';
import { REQUEST_OPTIONS, type RequestOptions, type ResolvedClientOptions, type SendOptions } from './options.ts';
import { PrivateRequest } from './private-request.ts';
import { Requests } from './requests.ts';
import { ServerPresence } from './server-presence.ts';
import type { SessionLoop } from './session-loop.ts';
import { withEither } from '../util/abort.ts';
import { resolveOptions } from '../util/option-table.ts';

export interface PrivateConnectionsSettings {
  readonly login: string;
  readonly loop: SessionLoop;
  readonly options: ResolvedClientOptions;
  /** Resolves when the server has handled what was sent on the session until now. */
  readonly roundTrip: (options: SendOptions) => Promise<void>;
}

/** The private connections of a client: each is negotiated, given a connect id, and opened as a channel. */
export class PrivateConnections {
  /** Those that are being negotiated. */
  readonly requests: Requests;
  /** Those that are open, or about to be. */
  readonly channels = new ClientChannels();
  readonly #settings: PrivateConnectionsSettings;
  /** Of each machine that relays some of them: a session may be at another one by now. */
  readonly #presences = new Map<string, ServerPresence>();
  readonly #relayedAt = new WeakMap<Channel, ServerPresence>();

  constructor(settings: PrivateConnectionsSettings) {
    const { login, loop } = settings;
    this.#settings = settings;
    this.requests = new Requests(login, (packet) => loop.session?.connection.send(packet));
  }

  /**
   * Asks a peer for a private connection and opens it.
   *
   * @throws {ChatosError} as {@link ChatosClient.request}
   */
  async request(peer: string, options: RequestOptions): Promise<Channel> {
    const { timeoutMs, signal: given } = resolveOptions('request options', options, REQUEST_OPTIONS);
    const { login, loop } = this.#settings;
    if (loginKey(peer) === loginKey(login)) {
      throw new ChatosError('INVALID_ARGUMENT', 'a private connection with oneself is not possible');
    }
    // It throws where the login can never be sent.
    encodePacket({ type: 'REQUEST_PRIVATE', loginRequester: login, loginTarget: peer });
    if (!loop.session && !this.#settings.options.backoff) throw loop.notConnected();
    return withEither(loop.signal, given, async (signal) => {
      const connectId = await this.requests.ask(peer, { timeoutMs, signal });
      return this.#establish(peer, 'requester', connectId, signal);
    });
  }

  /** A peer asks for a private connection: the request, which is to be accepted or refused. */
  asked(from: string): PrivateRequest {
    const { loop, options: settings } = this.#settings;
    const { session } = loop;
    // On a later session, an answer would be one to nothing.
    const isOver = (): boolean => loop.session !== session;
    return new PrivateRequest(from, {
      accept: async (options) => {
        if (!loop.session) throw loop.notConnected();
        if (isOver()) throw new ChatosError('CONNECTION_LOST', `the request of ${from} ended with the session`);
        return withEither(loop.signal, options.signal, async (signal) => {
          const limits = { timeoutMs: settings.establishTimeoutMs, signal };
          const connectId = await this.requests.accept(from, limits);
          return this.#establish(from, 'target', connectId, signal);
        });
      },
      refuse: () => {
        if (!isOver()) this.requests.refuse(from);
      },
    });
  }

  /** The server gave a connect id. */
  onId(packet: IdPrivate): void {
    const peer = this.requests.onId(packet);
    if (peer !== undefined) this.channels.establishing(peer);
  }

  /** A session was lost, not ended by us; `error` is why, where the server has not ended it. */
  onSessionLost(error: ChatosError | undefined): void {
    if (this.channels.size === 0) return this.#presences.clear();
    const presence = this.#presenceAt(this.#settings.loop.reached!);
    const reaching = presence.sessionLost();
    if (!isUnanswered(error)) return;
    this.channels.breakUnlessAlive(error, reaching, (channel) => this.#relayedAt.get(channel) === presence);
  }

  #presenceAt(reached: Address): ServerPresence {
    const { loop, roundTrip, options } = this.#settings;
    const name = formatAddress(reached);
    const presence =
      this.#presences.get(name) ?? new ServerPresence({ loop, roundTrip, reached, identity: options.identity });
    this.#presences.set(name, presence);
    return presence;
  }

  async #establish(peer: string, role: ChannelRole, connectId: bigint, signal: AbortSignal): Promise<Channel> {
    const { login, loop, options } = this.#settings;
    const [loginRequester, loginTarget] = role === 'requester' ? [login, peer] : [peer, login];
    const requestClose = (): boolean => {
      const connection = loop.session?.connection;
      if (!connection?.open) return false;
      connection.send({ type: 'CLOSE_CONNECTION', connectId, loginRequester, loginTarget });
      return true;
    };
    try {
      const reached = loop.reached!;
      const { openHalf, establishTimeoutMs: timeoutMs, identity } = options;
      const half = await openHalf(reached, connectId, { timeoutMs, signal, identity });
      const presence = this.#presenceAt(reached);
      const serverOutlived = presence.witness();
      const channel = new Channel({ ...half, login, peer, role, connectId, serverOutlived, requestClose });
      this.#relayedAt.set(channel, presence);
      this.channels.opened(channel);
      return channel;
    } catch (error) {
      this.channels.failed(peer, isChatosError(error, 'CONNECTION_LOST'));
      requestClose();
      throw error;
    }
  }
}
