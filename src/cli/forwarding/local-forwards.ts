import type { Socket } from 'node:net';
import { ChatosError, isChatosError } from '../../errors.ts';
import { causeOfError, forwardError } from '../../transfer/forward/causes.ts';
import { carryConnection, type ConnectionEvents } from '../../transfer/forward/connection-events.ts';
import { formatEndpoint, type Endpoint } from '../../transfer/forward/endpoint.ts';
import { listenLocally, remoteOf, type LocalListener } from '../../transfer/forward/listen-locally.ts';
import type { TunnelSource } from './tunnel-source.ts';

export interface LocalForwardSettings {
  readonly tunnels: TunnelSource;
  readonly maxConnections: number;
  readonly dialTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly signal: AbortSignal;
  readonly events: ConnectionEvents;
}

/** The ports of this machine whose connections go to targets at the other side. */
export class LocalForwards {
  readonly #settings: LocalForwardSettings;
  readonly #listeners: LocalListener[] = [];
  readonly #sockets = new Set<Socket>();

  constructor(settings: LocalForwardSettings) {
    this.#settings = settings;
  }

  /**
   * Listens for connections to one target; returns where.
   *
   * @throws {ChatosError} `LISTEN_FAILED`
   */
  async add(at: Endpoint, target: Endpoint): Promise<Endpoint> {
    const listener = await listenLocally(at, (socket) => this.#admit(socket, () => this.#forward(socket, target)));
    this.#listeners.push(listener);
    return listener.endpoint;
  }

  /** Accepts no more, and resets what is open. */
  close(): void {
    for (const listener of this.#listeners) listener.close();
    for (const socket of this.#sockets) breakOff(socket);
  }

  #admit(socket: Socket, serve: () => Promise<void>): void {
    const { maxConnections, events } = this.#settings;
    if (this.#sockets.size >= maxConnections) {
      const message = `there are ${maxConnections} connections already; --max allows more`;
      events.onFailed({ from: remoteOf(socket), target: '' }, new ChatosError('QUEUE_FULL', message));
      return breakOff(socket);
    }
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    void serve();
  }

  /** Where there is no connection to the target, who has connected sees a reset, and never an end. */
  async #forward(socket: Socket, target: Endpoint): Promise<void> {
    const { tunnels, dialTimeoutMs, signal, events } = this.#settings;
    const connection = { from: remoteOf(socket), target: formatEndpoint(target) };
    const limits = { timeoutMs: dialTimeoutMs, signal };
    try {
      const tunnel = await tunnels.get(limits);
      const stream = await tunnel.connect(target, limits);
      await carryConnection(connection, socket, stream, this.#settings);
    } catch (error) {
      breakOff(socket);
      if (signal.aborted) return;
      events.onFailed(
        connection,
        isChatosError(error) ? error : forwardError(connection.target, causeOfError(error), error),
      );
    }
  }
}

/** The system has no reset for Unix sockets. */
function breakOff(socket: Socket): void {
  if (socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}
