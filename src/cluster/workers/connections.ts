import type { Socket } from 'node:net';
import { handleOf, type SocketHandle } from '../../net/socket-handle.ts';
import type { Transport } from '../../net/transport.ts';

/**
 * The connections of this worker that the primary keeps open as well, by the numbers that it has given them. The system ends
 * the connections of a process that is killed as if all had been said; the primary resets these (P14).
 */
export class Connections {
  readonly #letGo: (id: number) => void;
  readonly #ids = new WeakMap<SocketHandle, number>();
  /** Those that have left their socket: its end is not theirs. */
  readonly #moved = new WeakSet<SocketHandle>();
  /** Those of each channel. */
  readonly #ofChannel = new Map<string, readonly SocketHandle[]>();

  /** @param letGo tells the primary that it need not keep one any more */
  constructor(letGo: (id: number) => void) {
    this.#letGo = letGo;
  }

  /** One has come. */
  add(socket: Socket, id: number): void {
    const handle = handleOf(socket);
    if (!handle) return this.#letGo(id);
    this.#ids.set(handle, id);
    socket.once('close', () => {
      if (!this.#moved.has(handle)) this.#leave(handle);
    });
    return undefined;
  }

  /** It is a session: its end says nothing that must be true. */
  identified({ stream }: Transport): void {
    const handle = handleOf(stream as Socket);
    if (handle) this.#leave(handle);
  }

  /** It goes to another worker. Returns its number. */
  move(handle: SocketHandle): number | undefined {
    this.#moved.add(handle);
    const id = this.#ids.get(handle);
    this.#ids.delete(handle);
    return id;
  }

  /** They are those of a channel. */
  opened(channel: string, halves: readonly Transport[]): void {
    const handles = halves.flatMap(({ stream }) => handleOf(stream as Socket) ?? []);
    for (const handle of handles) this.#moved.add(handle);
    this.#ofChannel.set(channel, handles);
  }

  /** The channel has ended, and both have closed. */
  ended(channel: string): void {
    for (const handle of this.#ofChannel.get(channel) ?? []) this.#leave(handle);
    this.#ofChannel.delete(channel);
  }

  #leave(handle: SocketHandle): void {
    const id = this.#ids.get(handle);
    this.#ids.delete(handle);
    if (id !== undefined) this.#letGo(id);
  }
}
