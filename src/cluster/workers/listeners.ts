import type { Duplex } from 'node:stream';
import { ChatosError } from '../../errors.ts';
import { formatAddress, toAddress, type Address, type AddressLike } from '../../net/address.ts';
import { closeHandle, type SocketHandle } from '../../net/socket-handle.ts';
import { Acceptor } from './acceptor.ts';
import type { Asking } from './asking.ts';
import type { SentHalf } from './messages.ts';
import type { WorkerProcess } from './worker-process.ts';

/** So many connections wait for a worker, at most, while all have died. */
const MAX_WAITING = 1_024;

/** Where the primary listens, and which worker gets what comes: those that are ready, by turns. */
export class Listeners {
  readonly #asking: Asking;
  readonly #onAcceptFailed: (address: Address, error: Error) => void;
  readonly #acceptors: Acceptor[] = [];
  /** Those that have connections, by turns: the first is next. */
  #ready: WorkerProcess[] = [];
  #waiting: { readonly listener: number; readonly handle: SocketHandle }[] = [];
  /** Listeners that not all workers know yet: their connections wait. */
  readonly #opening = new Set<number>();
  #lastListener = 0;
  #lastConnection = 0;
  #isClosed = false;

  /** @param onAcceptFailed a connection to an address could not be accepted */
  constructor(asking: Asking, onAcceptFailed: (address: Address, error: Error) => void) {
    this.#asking = asking;
    this.#onAcceptFailed = onAcceptFailed;
  }

  /** With the real ports. */
  get addresses(): readonly Address[] {
    return this.#acceptors.map(({ address }) => address);
  }

  /** The workers that have connections. */
  get ready(): readonly WorkerProcess[] {
    return this.#ready;
  }

  /**
   * Listens on one more address. Not at the same time as {@link Listeners.join}.
   *
   * @throws {ChatosError} as {@link ChatosServer.listen}
   */
  async listen(address: AddressLike): Promise<Address> {
    this.#lastListener += 1;
    const id = this.#lastListener;
    const wanted = toAddress(address, 'listener');
    const acceptor = await Acceptor.open(
      id,
      wanted,
      (handle, tested) => (tested ? this.#giveTo(tested, id, handle, true) : this.give(id, handle)),
      (error) => this.#onAcceptFailed(wanted, error),
    );
    if (this.#isClosed) {
      acceptor.close();
      throw new ChatosError('ABORTED', 'the server was closed');
    }
    this.#opening.add(id);
    this.#acceptors.push(acceptor);
    try {
      await this.#asking.change(this.#ready, 'listen', { id, address: acceptor.address });
    } catch (error) {
      this.#stop(acceptor);
      throw error;
    } finally {
      this.#opening.delete(id);
      this.#giveWaiting();
    }
    return acceptor.address;
  }

  stopListening(address: Address): boolean {
    const wanted = formatAddress({ ...address, pin: undefined });
    const acceptor = this.#acceptors.find((each) => formatAddress(each.address) === wanted);
    if (acceptor) this.#stop(acceptor);
    return acceptor !== undefined;
  }

  /** A worker listens where the others do, and has its turn from then on. */
  async join(worker: WorkerProcess): Promise<void> {
    const all = [...this.#acceptors];
    // Meanwhile, the server may stop listening somewhere.
    const isOpen = (acceptor: Acceptor): boolean => this.#acceptors.includes(acceptor);
    for (const acceptor of all) {
      const { id, address } = acceptor;
      if (isOpen(acceptor)) await worker.wire.ask('listen', { id, address });
      if (!isOpen(acceptor)) stopListening(worker, id);
    }
    this.#ready.push(worker);
    this.#giveWaiting();
  }

  /** It has ended. */
  leave(worker: WorkerProcess): void {
    this.#ready = this.#ready.filter((other) => other !== worker);
  }

  /** Opens a connection of the server's own test to a worker, where the server listens. Rejects where that fails. */
  connectToItself(
    worker: WorkerProcess,
  ): { readonly connect: () => Promise<Duplex>; readonly at: Address } | undefined {
    const [acceptor] = this.#acceptors;
    return acceptor && { connect: () => acceptor.connectToItself(worker), at: acceptor.address };
  }

  /** Gives a connection to the worker whose turn it is; where there is none, it waits. */
  give(listener: number, handle: SocketHandle): void {
    const worker = this.#opening.has(listener) ? undefined : this.#ready.shift();
    if (worker) {
      this.#ready.push(worker);
      this.#giveTo(worker, listener, handle, false);
    } else if (this.#isClosed || this.#waiting.length >= MAX_WAITING) {
      closeHandle(handle);
    } else {
      this.#waiting.push({ listener, handle });
    }
  }

  /** A worker has a half whose channel is at the worker in this slot. */
  handOver(from: WorkerProcess, slot: number, half: SentHalf): void {
    const handle = from.release(half.id);
    const worker = this.#ready.find(({ name }) => name.slot === slot);
    if (handle && worker) worker.giveHalf(half, handle);
    else if (handle) closeHandle(handle);
  }

  /** Accepts no more. */
  close(): void {
    this.#isClosed = true;
    for (const acceptor of this.#acceptors.splice(0)) acceptor.close();
    for (const { handle } of this.#waiting.splice(0)) closeHandle(handle);
  }

  #giveWaiting(): void {
    for (const { listener, handle } of this.#waiting.splice(0)) this.give(listener, handle);
  }

  #giveTo(worker: WorkerProcess, listener: number, handle: SocketHandle, isOwn: boolean): void {
    this.#lastConnection += 1;
    worker.give({ id: this.#lastConnection, listener, isOwn }, handle, this.#isPlain(listener));
  }

  /** Over TLS, the end of a process is told apart from an end (P14a). */
  #isPlain(listener: number): boolean {
    return this.#acceptors.some(({ id, address }) => id === listener && address.transport === 'tcp');
  }

  #stop(acceptor: Acceptor): void {
    const at = this.#acceptors.indexOf(acceptor);
    // The server was asked to stop listening there before a worker said that it cannot listen.
    if (at < 0) return;
    acceptor.close();
    this.#acceptors.splice(at, 1);
    for (const worker of this.#ready) stopListening(worker, acceptor.id);
  }
}

function stopListening({ wire }: WorkerProcess, listener: number): void {
  wire.ask('stopListening', listener).catch(() => undefined);
}
