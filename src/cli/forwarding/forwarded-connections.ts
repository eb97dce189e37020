import type { Socket } from 'node:net';
import { ChatosError, isChatosError } from '../../errors.ts';
import type { IncomingConnection } from '../../transfer/forward/asking-tunnel.ts';
import { causeOfError, forwardError, refusal } from '../../transfer/forward/causes.ts';
import { carryConnection, type Connection, type ConnectionEvents } from '../../transfer/forward/connection-events.ts';
import { dialTarget } from '../../transfer/forward/dial-target.ts';
import { formatEndpoint, type Endpoint } from '../../transfer/forward/endpoint.ts';
import { breakOff, listenLocally, remoteOf, type LocalListener } from '../../transfer/forward/listen-locally.ts';
import { readSocksRequest, type SocksRequest } from '../../transfer/forward/socks.ts';
import type { TunnelSource } from './tunnel-source.ts';

export interface ForwardedSettings {
  readonly tunnels: TunnelSource;
  readonly maxConnections: number;
  readonly dialTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly signal: AbortSignal;
  readonly events: ConnectionEvents;
}

/** The connections of this machine that go through the tunnel: from its ports, and to its own targets. */
export class ForwardedConnections {
  readonly #settings: ForwardedSettings;
  readonly #listeners: LocalListener[] = [];
  readonly #sockets = new Set<Socket>();
  #open = 0;

  constructor(settings: ForwardedSettings) {
    this.#settings = settings;
  }

  /**
   * Listens for connections to one target, or for those of SOCKS clients, which say where to; returns where.
   *
   * @throws {ChatosError} `LISTEN_FAILED`
   */
  async listen(at: Endpoint, target: Endpoint | 'socks'): Promise<Endpoint> {
    const listener = await listenLocally(at, {
      onConnection: (socket) => {
        if (!this.#admit(socket)) return;
        void (target === 'socks' ? this.#serveSocks(socket) : this.#forward(socket, target));
      },
      onNoDescriptors: (from) => {
        const shown = target === 'socks' ? '' : formatEndpoint(target);
        this.#settings.events.onFailed({ from, target: shown }, refusal(shown || 'SOCKS', 'no-descriptors'));
      },
    });
    this.#listeners.push(listener);
    return listener.endpoint;
  }

  /** Connects somebody at the other side to a target of this machine. */
  async serveIncoming(incoming: IncomingConnection, target: Endpoint): Promise<void> {
    const { dialTimeoutMs, maxConnections, signal } = this.#settings;
    const connection = { from: incoming.from, target: formatEndpoint(target) };
    const limits = { timeoutMs: dialTimeoutMs, signal };
    let socket: Socket | undefined;
    try {
      if (this.#open >= maxConnections) throw this.#full();
      this.#open += 1;
      try {
        socket = await dialTarget(target, limits);
      } finally {
        this.#open -= 1;
      }
      this.#keep(socket);
      const stream = await incoming.accept(limits);
      await carryConnection(connection, socket, stream, this.#settings);
    } catch (error) {
      if (socket) breakOff(socket);
      incoming.drop();
      this.#report(connection, error);
    }
  }

  /** Accepts no more, and resets what is open. */
  close(): void {
    for (const listener of this.#listeners) listener.close();
    for (const socket of this.#sockets) breakOff(socket);
  }

  #admit(socket: Socket): boolean {
    if (this.#open < this.#settings.maxConnections) {
      this.#keep(socket);
      return true;
    }
    this.#settings.events.onFailed({ from: remoteOf(socket), target: '' }, this.#full());
    breakOff(socket);
    return false;
  }

  #keep(socket: Socket): void {
    this.#open += 1;
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#open -= 1;
      this.#sockets.delete(socket);
    });
    if (this.#settings.signal.aborted) breakOff(socket);
  }

  #full(): ChatosError {
    const message = `there are ${this.#settings.maxConnections} connections already; --max allows more`;
    return new ChatosError('QUEUE_FULL', message);
  }

  async #serveSocks(socket: Socket): Promise<void> {
    const request = await readSocksRequest(socket, this.#settings.dialTimeoutMs);
    if (request) await this.#forward(socket, request.target, request);
  }

  /** Where there is no connection to the target, a client of SOCKS gets an answer, and any other sees a reset. */
  async #forward(socket: Socket, target: Endpoint, socks?: SocksRequest): Promise<void> {
    const { tunnels, dialTimeoutMs, signal } = this.#settings;
    const connection = { from: remoteOf(socket), target: formatEndpoint(target) };
    const limits = { timeoutMs: dialTimeoutMs, signal };
    try {
      const tunnel = await tunnels.get(limits);
      const stream = await tunnel.connect(target, limits);
      socks?.accept();
      await carryConnection(connection, socket, stream, this.#settings);
    } catch (error) {
      if (socks) socks.refuse(causeOfError(error));
      else breakOff(socket);
      this.#report(connection, error);
    }
  }

  #report(connection: Connection, error: unknown): void {
    const { signal, events } = this.#settings;
    if (signal.aborted) return;
    const { target } = connection;
    events.onFailed(connection, isChatosError(error) ? error : forwardError(target, causeOfError(error), error));
  }
}
