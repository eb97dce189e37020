import type { Relay, RelayEnd } from '../../server/channels/relay.ts';
import type { ConnectionPlace, SourceNews } from '../../server/limits/source-account.ts';
import type { Speaker } from '../../server/broadcast.ts';
import type { ConnectedClient, Member, SessionId } from '../../server/directory.ts';
import type { PairInfo, SessionInfo } from '../../server/events.ts';
import type { Closed, Closing, ComingHalf, Counted, Here, Others } from '../../server/others.ts';
import { loginKey } from '../../util/login-key.ts';
import type { Transport } from '../../net/transport.ts';
import type { HomeOfIds } from '../connect-id-cipher.ts';
import { HeardNotes } from './heard-notes.ts';
import type { HeldLease } from './held-lease.ts';
import { HeldSpeakers } from './held-speakers.ts';
import type { LinkNote } from './link.ts';
import type { WorkerName } from '../worker-name.ts';
import type { Peer } from './peer.ts';
import { CountedIds } from './counted-ids.ts';
import { Requests } from './requests.ts';
import { RemoteClient, sentClient } from './remote-client.ts';
import type { WorkerDirectory } from './worker-directory.ts';

/** Session ids end with the number of their worker, of so many; a worker has room for so many sessions. */
const NUMBERS = 1_000;
const SESSIONS = 1_000_000_000;

/** So long after a process has gone, who asks for the end of one of its channels is late, as for one that has ended (P5). */
const LATE_MS = 60_000;

/** Who a worker is among all of its server. */
export interface MeshSelf {
  readonly name: WorkerName;
  /** Of its node's lease, if it is one of a cluster. */
  readonly epoch: string | undefined;
  readonly lease: HeldLease | undefined;
}

/** What becomes of halves of channels. */
export interface HalfKeeper {
  /** Gives one to another worker. */
  give(peer: Peer, connectId: bigint, half: ComingHalf, place: ConnectionPlace): void;
  /** A connection has logged in. */
  identified(transport: Transport): void;
  /** A channel of this worker is open. */
  opened(id: string, halves: readonly Transport[]): void;
  ended(id: string): void;
}

/** The other workers, as the server in this one knows them. */
export class Mesh implements Others {
  readonly homes: HomeOfIds;
  readonly #self: MeshSelf;
  readonly #directory: WorkerDirectory;
  readonly #halves: HalfKeeper;
  /** By their numbers among those that have connect ids. */
  readonly #peers = new Map<number, Peer>();
  /** When the last one with each number has gone. */
  readonly #goneAt = new Map<number, number>();
  /** What the clients of this worker have asked those of others. */
  readonly #requests = new Requests();
  readonly #ids = new CountedIds(this.#peers);
  /** The channels of this worker that are open. */
  readonly #channels = new Map<string, PairInfo>();
  /** Clients of this worker that are behind with reading. */
  readonly #behind = new Map<SessionId, SessionInfo>();
  readonly #held = new HeldSpeakers(() => this.#isFull);
  readonly #heard: HeardNotes;
  #here!: Here;

  constructor(self: MeshSelf, homes: HomeOfIds, directory: WorkerDirectory, halves: HalfKeeper) {
    this.#self = self;
    this.homes = homes;
    this.#directory = directory;
    this.#halves = halves;
    this.#heard = new HeardNotes({
      directory,
      requests: this.#requests,
      here: () => this.#here,
      onTell: (...of) => this.onTell(...of),
    });
    directory.news = {
      added: (client, granted) => this.#note({ is: 'added', client: sentClient(client), granted }),
      left: ({ id, key }) => {
        this.#requests.leave(id);
        this.#behind.delete(id);
        this.#note({ is: 'left', id, key });
      },
    };
  }

  attach(here: Here): void {
    this.#here = here;
  }

  /** The server of this worker. */
  get here(): Here {
    return this.#here;
  }

  get hasEnded(): boolean {
    return this.#self.lease?.hasEnded ?? false;
  }

  /** Short ones, and with one worker in the place of another never the same again; nor by a node with another lease. */
  ownId(count: number): string {
    const { name, epoch } = this.#self;
    const round = Math.floor(name.number / NUMBERS);
    const id = String((round * SESSIONS + count) * NUMBERS + (name.number % NUMBERS));
    return epoch === undefined ? id : `${id}.${epoch}`;
  }

  /** The number of another worker of this node among all processes of the server. */
  homeOf({ slot }: WorkerName): number {
    return this.homes.number + slot - this.#self.name.slot;
  }

  /** Another worker can be reached. It learns who and what is here. */
  add(peer: Peer): void {
    this.#peers.set(peer.home, peer);
    for (const { client, granted } of this.#directory.all()) {
      peer.link.note({ is: 'added', client: sentClient(client), granted });
    }
    for (const [id, pair] of this.#channels) peer.link.note({ is: 'channel', pair, id, isOpen: true });
    for (const client of this.#behind.values()) peer.link.note(behindNote(client, true));
    this.#ids.tell(peer);
    peer.link.note({ is: 'sources', news: this.#here.sources() });
    for (const { requester, key } of this.#requests.unheard(peer)) {
      const client = this.#directory.session(requester);
      if (client) peer.link.note({ is: 'request', requester: sentClient(client), key });
    }
  }

  /** It has gone, with its clients. */
  remove(peer: Peer): void {
    if (this.#peers.get(peer.home) === peer) this.#peers.delete(peer.home);
    this.#goneAt.set(peer.home, performance.now());
    peer.close();
    this.#here.gone(peer.number);
    for (const { id } of this.#directory.forget((client) => client instanceof RemoteClient && client.at === peer)) {
      this.#here.left(id);
    }
    for (const { requester, target } of this.#requests.of(peer)) {
      const client = this.#directory.session(requester);
      if (client) this.#here.abandoned(client, target);
    }
    for (const pair of peer.channels.endAll()) this.#here.channelEnded(pair);
    this.#held.release();
  }

  holdBack(speaker: Speaker): void {
    this.#held.hold(speaker);
  }

  /** There may be room again for what is said. */
  readonly onRoom = (): void => this.#held.release();

  post(frame: Buffer): void {
    for (const { link } of this.#peers.values()) link.post(frame);
  }

  tell(key: string, frame: Buffer): void {
    for (const { link } of this.#peers.values()) link.tell(`#${key}`, frame);
  }

  request(requester: ConnectedClient, login: string): void {
    const key = loginKey(login);
    const known = this.#directory.find(login);
    const isKnown = known instanceof RemoteClient;
    if (isKnown) this.#requests.add(requester.id, known, known.at);
    for (const peer of isKnown ? [known.at] : this.#peers.values()) {
      if (!isKnown) this.#requests.ask(requester.id, key, peer);
      peer.link.note({ is: 'request', requester: sentClient(requester), key });
    }
  }

  pendingOf(session: SessionId, key: string): number {
    return this.#requests.count(session, key);
  }

  behind(client: SessionInfo, isBehind: boolean): void {
    if (isBehind) this.#behind.set(client.id, client);
    else this.#behind.delete(client.id);
    this.#note(behindNote(client, isBehind));
  }

  countId(connectId: bigint, requester: ConnectedClient, target: SessionId): Promise<Counted> {
    if (!(requester instanceof RemoteClient)) return Promise.resolve('counted');
    return this.#ids.count(requester.at, { connectId, requester: requester.id, target });
  }

  discountId(connectId: bigint): void {
    this.#ids.discount(connectId);
  }

  async close({ id, login, key }: Member, closing: Closing): Promise<Closed> {
    const home = this.homes.of(closing.connectId);
    const by = { id, login, key };
    if (home === undefined) return 'forbidden';
    const peer = this.#peers.get(home);
    // Where a process has gone, its channels have ended: the one in its place does not know them.
    const goneAt = this.#goneAt.get(home);
    if (!peer) return goneAt === undefined ? 'forbidden' : 'late';
    const closed = await peer.ask<Closed>((question) => ({ is: 'close', by, closing, question }), 'late');
    const isRecent = goneAt !== undefined && performance.now() - goneAt < LATE_MS;
    return closed === 'forbidden' && isRecent ? 'late' : closed;
  }

  handOver(connectId: bigint, half: ComingHalf, place: ConnectionPlace): boolean {
    const home = this.homes.of(connectId);
    const peer = home === undefined ? undefined : this.#peers.get(home);
    if (peer) this.#halves.give(peer, connectId, half, place);
    return peer !== undefined;
  }

  /** Relays between two connections, as this server does for channels. */
  relay(one: RelayEnd, other: RelayEnd, onDone: () => void): Relay {
    return this.#here.relay(one, other, onDone);
  }

  unanswered(session: SessionId, address: string): void {
    this.#note({ is: 'unanswered', session, address });
  }

  identified(transport: Transport): void {
    this.#halves.identified(transport);
  }

  channelOpened({ requester, target }: PairInfo, id: string, halves: readonly Transport[]): void {
    const pair = { requester: partyOf(requester), target: partyOf(target) };
    this.#channels.set(id, pair);
    this.#note({ is: 'channel', pair, id, isOpen: true });
    this.#halves.opened(id, halves);
  }

  channelEnded(_pair: PairInfo, id: string): void {
    const pair = this.#channels.get(id)!;
    this.#channels.delete(id);
    this.#note({ is: 'channel', pair, id, isOpen: false });
    this.#halves.ended(id);
  }

  /** A half has come whose channel is here. */
  enter(connectId: bigint, half: ComingHalf): void {
    this.#here.enter(connectId, half);
  }

  tellSources(news: readonly SourceNews[]): void {
    this.#note({ is: 'sources', news });
  }

  hasChannel(key: string): boolean {
    for (const { channels } of this.#peers.values()) if (channels.has(key)) return true;
    return false;
  }

  onPost(peer: Peer, frame: Buffer): void {
    if (this.hasEnded) return;
    this.#here.post(frame, peer.link);
  }

  /** A packet has come for one of the clients here. The bytes are lent. */
  onTell(peer: Peer, to: string, frame: Buffer): void {
    if (this.hasEnded) return;
    const client = to.startsWith('#') ? this.#directory.here(to.slice(1)) : this.#directory.session(to);
    if (client) this.#here.tell(client, Buffer.from(frame), peer.link);
  }

  onNote(peer: Peer, note: LinkNote): void {
    if (!this.hasEnded) this.#heard.hear(peer, note);
  }

  get #isFull(): boolean {
    for (const { link } of this.#peers.values()) if (link.isFull) return true;
    return false;
  }

  #note(note: LinkNote): void {
    for (const { link } of this.#peers.values()) link.note(note);
  }
}

function behindNote(
  { id, login, remoteAddress, fingerprint, longBytes, encrypted }: SessionInfo,
  isBehind: boolean,
): LinkNote {
  const client = { id, login, key: loginKey(login), remoteAddress, fingerprint, longBytes, encrypted };
  return { is: 'behind', client, isBehind };
}

function partyOf({ id, login }: PairInfo['requester']): PairInfo['requester'] {
  return { id, login };
}
