import type { Socket } from 'node:net';
import { formatAddress, type Address } from '../../net/address.ts';
import { MAX_UNREAD_BYTES, receive, type listen, type Reception } from '../../net/listen.ts';
import { socketOf, type SocketHandle } from '../../net/socket-handle.ts';
import { ChatosServer } from '../../server/server.ts';
import { loggerTo, type LevelSwitch, type LogFields, type Logger } from '../../util/log.ts';
import { MAX_TIMER_MS } from '../../util/clock.ts';
import { pause } from '../../util/timeout.ts';
import { HomeOfIds, homeOfWorker } from '../connect-id-cipher.ts';
import { Connections } from './connections.ts';
import { leaveFolder } from './folder.ts';
import { Halves } from './halves.ts';
import { HeldLease } from './held-lease.ts';
import { awaitPeers, meetPeers } from './meeting.ts';
import { Mesh } from './mesh.ts';
import type { AskedByPrimary, AskedByWorker, OwnNode, SharedListener, WorkerStart } from './messages.ts';
import type { WorkerName } from '../worker-name.ts';
import { NodeHalves } from './node-halves.ts';
import { NodeLinks } from './node-links.ts';
import { tellEvents } from './told-events.ts';
import type { Answers, Wire } from './wire.ts';
import { WorkerDirectory } from './worker-directory.ts';

/** A connection of another node is probed by the system after this long, in milliseconds. */
const KEEP_ALIVE_MS = 5_000;

/** When everything of this worker is closed, what it relays to others may take so much longer. */
const RELAYS_MS = 2_000;

/** A worker: a server of which logins, listening sockets and the log are the primary's, and which knows its like. */
export class Worker {
  readonly #start: WorkerStart;
  readonly #directory: WorkerDirectory;
  readonly #mesh: Mesh;
  readonly #connections: Connections;
  readonly #halves: Halves;
  readonly #server: ChatosServer;
  readonly #level: LevelSwitch;
  /** In a cluster: that of its node. */
  readonly #lease: HeldLease | undefined;
  /** The links to other nodes, in a cluster. */
  readonly #nodes: NodeLinks | undefined;
  /** Connections of the server's own test. */
  readonly #own = new WeakSet<Socket>();
  /** By address: which of the primary's listeners a server is to have next. */
  readonly #listenerIds = new Map<string, number>();
  readonly #receptions = new Map<number, { readonly reception: Reception; readonly address: Address }>();

  /** @param onLeaseEnd called when the lease of its node has ended: it breaks everything, and ends */
  constructor(start: WorkerStart, wire: Wire<AskedByWorker, AskedByPrimary>, onLeaseEnd: () => void) {
    const { name, connectIdKey, cluster, folder, options, logLevel, tellsEvents } = start;
    this.#start = start;
    this.#directory = new WorkerDirectory({
      claim: (claim) => wire.ask('claim', claim),
      release: (member, how) => wire.ask('release', [member, how]),
    });
    this.#connections = new Connections((id) => void wire.ask('letGo', id).catch(() => undefined));
    this.#halves = new Halves(folder, wire, this.#connections, () => this.#mesh);
    const home = cluster ? homeOfWorker(cluster.slot, name.slot) : name.slot;
    const homes = new HomeOfIds(home, connectIdKey);
    this.#lease = cluster && new HeldLease(onLeaseEnd);
    const self = { name, epoch: cluster?.epoch, lease: this.#lease };
    this.#mesh = new Mesh(self, homes, this.#directory, this.#halves);
    this.#level = { level: logLevel };
    const log = loggerTo(
      (level, message, fields) => void wire.ask('log', [level, message, copyable(fields)]).catch(() => undefined),
      this.#level,
    );
    this.#server = new ChatosServer({
      ...options,
      log,
      directory: this.#directory,
      others: this.#mesh,
      listen: this.#listen,
    });
    if (cluster) this.#nodes = this.#linksOf(cluster, log, wire);
    if (tellsEvents) tellEvents(this.#server, (event) => wire.ask('event', event));
  }

  /** Others can reach this one then. */
  async begin(): Promise<void> {
    const { folder, name } = this.#start;
    await this.#halves.await(name);
    await awaitPeers(folder, name, this.#mesh);
  }

  /** What the primary asks of it. */
  readonly answers: Omit<Answers<AskedByPrimary>, 'start'> = {
    meet: async (others: readonly WorkerName[]) => {
      const { folder, name } = this.#start;
      await meetPeers(folder, name, others, this.#mesh);
      return undefined;
    },
    listen: async ({ id, address }: SharedListener) => {
      this.#listenerIds.set(formatAddress(address), id);
      await this.#server.listen(address);
      return undefined;
    },
    stopListening: (id) => {
      const address = this.#receptions.get(id)?.address;
      if (address) this.#server.stopListening(address);
      return undefined;
    },
    connection: ({ id, listener, isOwn }, handle) => {
      const socket = socketOf(handle!, MAX_UNREAD_BYTES);
      if (isOwn) this.#own.add(socket);
      this.#connections.add(socket, id);
      const { reception } = this.#receptions.get(listener) ?? {};
      if (reception) reception.take(socket);
      else socket.destroy();
      return undefined;
    },
    half: (half, handle: SocketHandle | undefined) => {
      this.#halves.take(half, handle!);
      return undefined;
    },
    endGhost: async ([id, claim]) => {
      await this.#directory.session(id)?.endIfGhost?.(claim);
      return undefined;
    },
    admitNobody: () => {
      this.#server.admitNobody();
      return undefined;
    },
    close: async ({ drainMs }) => {
      const { signal } = new AbortController();
      const closed = this.#server.close({ drainMs });
      await Promise.all([closed, this.#halves.nodes?.idle(pause(Math.min(drainMs, MAX_TIMER_MS), signal))]);
      await Promise.race([this.#halves.idle(), pause(RELAYS_MS, signal)]);
      return undefined;
    },
    ping: () => undefined,
    numbers: ({ fullest }) => {
      const { user, system } = process.cpuUsage();
      const of = { memoryBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6 };
      return { stats: this.#server.stats, fullest: this.#server.fullest(fullest), ...of };
    },
    sessions: () => this.#server.sessions(),
    busiest: ({ most }) => this.#server.busiest(most),
    channels: () => this.#server.channels(),
    kick: ([id, why, elsewhere]) => this.#mesh.here.kick(id, why, elsewhere),
    breakChannels: (kicked) => this.#mesh.here.breakChannels(kicked),
    ban: (ban) => this.#server.ban(ban),
    unban: ({ kind, what }) => {
      this.#server.unban(kind, what);
      return undefined;
    },
    update: (options) => {
      this.#server.update(options);
      return undefined;
    },
    replaceCertificate: async (pair) => {
      await this.#server.replaceCertificate(pair);
      return undefined;
    },
    logLevel: (level) => {
      this.#level.level = level;
      return undefined;
    },
    meetNode: async (lease) => {
      await this.#nodes?.meet(lease);
      return undefined;
    },
    lease: (end) => {
      this.#lease?.renew(end);
      return undefined;
    },
    forgetNode: (lease) => {
      this.#nodes?.forget(lease);
      return undefined;
    },
    peer: ({ kind, isEncrypted, from, read }, handle) => {
      const socket = socketOf(handle!);
      socket.pause().setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
      if (read.length > 0) socket.unshift(Buffer.from(read));
      if (this.#nodes) this.#nodes.accept(kind, isEncrypted, from, socket);
      else socket.destroy();
      return undefined;
    },
    links: () => ({ links: this.#nodes?.views() ?? [], gaps: this.#nodes?.gaps ?? 0 }),
  };

  /** Breaks everything, so that nothing looks like an end: this process ends. */
  abort(): void {
    this.#server.abort();
    this.#halves.abort();
  }

  /** The primary has gone, and nobody holds the logins any more; or it ends this worker, and the others go on. */
  onOrphaned(): void {
    this.abort();
    leaveFolder(this.#start.folder, this.#start.name);
  }

  #linksOf(
    { node, epoch, keys, isEncrypted, times }: OwnNode,
    log: Logger,
    wire: Wire<AskedByWorker, AskedByPrimary>,
  ): NodeLinks {
    const handshake = { self: { node, epoch, worker: this.#start.name }, keys, isEncrypted };
    const halves = new NodeHalves({
      handshake,
      connections: this.#connections,
      log,
      relay: (...of) => this.#mesh.relay(...of),
      enter: (half, transport) => this.#halves.enter(half, transport),
    });
    this.#halves.nodes = halves;
    return new NodeLinks({
      handshake,
      times,
      log,
      mesh: this.#mesh,
      onRefused: (from, why) => void wire.ask('peerRefused', { from, why }).catch(() => undefined),
      onHalf: (met) => halves.take(met),
      onForgotten: (process) => halves.forget(process),
    });
  }

  /** Its connections come from the primary. */
  readonly #listen: typeof listen = async (address, enter, options) => {
    const id = this.#listenerIds.get(formatAddress(address))!;
    const reception = receive(address, enter, options, (socket) =>
      this.#own.has(socket) ? this.#mesh.here.ownEntrance(address) : undefined,
    );
    this.#receptions.set(id, { reception, address });
    return {
      address,
      connectToItself: () => Promise.reject(new Error('the primary tests it')),
      close: async () => void this.#receptions.delete(id),
      breakHandshakes: reception.breakHandshakes,
    };
  };
}

/** Fields of a line of the log, as another process can have them. */
function copyable(fields: LogFields): LogFields {
  const isPlain = (value: unknown): boolean =>
    value === null || !['object', 'function', 'symbol'].includes(typeof value);
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, isPlain(value) ? value : String(value)]),
  );
}
