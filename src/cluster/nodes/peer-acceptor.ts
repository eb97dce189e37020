import net from 'node:net';
import { formatAddress, toAddress } from '../../net/address.ts';
import { bind } from '../../net/listen.ts';
import { takeHandle, type SocketHandle } from '../../net/socket-handle.ts';
import { sourceOf } from '../../server/limits/source.ts';
import { Deadlines } from '../../util/deadlines.ts';
import { Tally } from '../../util/tally.ts';
import { PREFACE_BYTES, readPreface, type Preface } from './preface.ts';

/** A connection of a node that has said which worker it is for. */
export interface ArrivedPeer extends Preface {
  /** Where it comes from. */
  readonly from: string;
  /** What was read of it behind its preface. */
  readonly read: Buffer;
}

export interface PeerAcceptorHandlers {
  onPeer(peer: ArrivedPeer, handle: SocketHandle): void;
  /** One was closed: it is no node, as far as it has come. */
  onRefused(from: string, why: string): void;
}

/** A node says its preface at once: a connection that is silent for so long is not a node's. In milliseconds. */
const PREFACE_MS = 5_000;
/** So many that have not said it may there be, in all and of one address; more are closed. */
const MAX_SILENT = 256;
const MAX_SILENT_OF_ONE = 32;

/** One that has not said its preface. */
interface Silent {
  readonly socket: net.Socket;
  readonly from: string;
}

/** Where the primary of a node listens for the other nodes. */
export class PeerAcceptor {
  /** As `host:port`, with the real port. */
  readonly address: string;
  /** Who gets the connections; until there is somebody, they are closed. */
  handlers: PeerAcceptorHandlers | undefined;
  readonly #server: net.Server;
  readonly #silent = new Set<Silent>();
  readonly #perAddress = new Tally<string>();
  readonly #deadlines: Deadlines<Silent>;

  private constructor(server: net.Server, address: string, timeoutMs: number) {
    this.#server = server;
    this.address = address;
    this.#deadlines = new Deadlines(timeoutMs, (one) => this.#refuse(one, 'it has not said in time what it wants'));
    server.on('connection', (socket: net.Socket) => this.#onConnection(socket));
  }

  /**
   * Listens on `host:port`; port 0 picks a free one.
   *
   * @throws {ChatosError} `INVALID_ADDRESS` or `LISTEN_FAILED`
   */
  static async open(address: string, onError: (error: Error) => void, timeoutMs = PREFACE_MS): Promise<PeerAcceptor> {
    const wanted = toAddress(address, 'listener');
    const server = net.createServer({ allowHalfOpen: true });
    const { port } = await bind(server, wanted, onError);
    const real = formatAddress({ ...wanted, port }).replace(/^tcp:\/\//, '');
    return new PeerAcceptor(server, real, timeoutMs);
  }

  /** Those that have not said what they want. */
  get waiting(): number {
    return this.#silent.size;
  }

  /** Accepts no more, and closes those that have not said what they want. */
  close(): void {
    this.#server.close();
    for (const { socket } of this.#silent) socket.destroy();
  }

  #onConnection(socket: net.Socket): void {
    const { remoteAddress } = socket;
    socket.on('error', () => undefined);
    if (remoteAddress === undefined) return void socket.destroy();
    const one: Silent = { socket, from: remoteAddress };
    const source = sourceOf(remoteAddress);
    if (this.#silent.size >= MAX_SILENT || this.#perAddress.get(source) >= MAX_SILENT_OF_ONE) {
      return this.#refuse(one, 'too many connections have not said what they want');
    }
    this.#silent.add(one);
    this.#perAddress.add(source);
    const deadline = this.#deadlines.add(one);
    let isSilent = true;
    const leave = (): void => {
      if (!isSilent) return;
      isSilent = false;
      this.#deadlines.delete(deadline);
      this.#silent.delete(one);
      this.#perAddress.delete(source);
    };
    socket.setNoDelay(true);
    socket.once('close', leave).once('end', () => socket.destroy());
    let bytes: Buffer = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      const preface = readPreface(bytes);
      if (preface === undefined) return;
      leave();
      socket.off('data', onData).pause();
      if (typeof preface === 'string') this.#refuse(one, preface);
      else this.#give(one, preface, bytes.subarray(PREFACE_BYTES));
    };
    socket.on('data', onData);
  }

  #give({ socket, from }: Silent, preface: Preface, behind: Buffer): void {
    socket.removeAllListeners('end').removeAllListeners('close');
    const taken = this.handlers && takeHandle(socket);
    if (taken) this.handlers!.onPeer({ ...preface, from, read: Buffer.concat([behind, taken.read]) }, taken.handle);
    else socket.destroy();
  }

  #refuse({ socket, from }: Silent, why: string): void {
    socket.destroy();
    this.handlers?.onRefused(from, why);
  }
}
