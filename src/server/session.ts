import type { ChatosError } from '../errors.ts';
import { formatAddress, type Address } from '../net/address.ts';
import { isUnanswered } from '../net/dead-link.ts';
import { fingerprintOf } from '../net/fingerprint.ts';
import { PacketConnection, type PacketConnectionHandlers } from '../net/packet-connection.ts';
import type { ReceiverLimit } from '../net/receivers.ts';
import type { Transport } from '../net/transport.ts';
import { TurnQueue } from '../net/turn-queue.ts';
import { encodePacket } from '../protocol/encoder.ts';
import { loginKey } from '../util/login-key.ts';
import { loginProblem } from '../protocol/login.ts';
import type { LongBytes } from '../protocol/limits.ts';
import type { Packet, PacketType } from '../protocol/packets.ts';
import type { Subscriber } from './broadcast.ts';
import {
  isSameClient,
  type LoginRefusal,
  type Claim,
  type ConnectedClient,
  type Member,
  type Release,
  type SessionId,
} from './directory.ts';
import type { Hub, OpenSession } from './hub.ts';
import { Identification, takeLogin } from './identification.ts';
import type { Audience } from './limits/readers.ts';
import { SLOW_EVENTS } from './limits/receiver-limits.ts';
import type { Source } from './limits/source-account.ts';
import { Pace } from './pace.ts';
import { isTestId } from './self-test.ts';
import type { SessionView } from './views.ts';

/** What is done with a packet; the session does not know. */
export type Dispatch = (hub: Hub, session: Session, packet: Packet, frame: () => Buffer) => void;

/**
 * Those whose LOGIN was refused, until they may send the next one. To look at a login takes longer than any other packet, and
 * longer still where there are many rules: all of them share a slice of a turn of the event loop (P16).
 */
const retrying = new TurnQueue<PacketConnection>((connection) => connection.release());

/**
 * A client's main connection, from accept to close (or until it turns out to be a half of a channel). It handles its own
 * packets by methods: of a closure for each, ten thousand idle sessions would take megabytes.
 */
export class Session implements ConnectedClient, OpenSession, PacketConnectionHandlers {
  readonly id: SessionId;
  readonly longBytes: LongBytes;
  /** Where it connects from: `192.0.2.1`, for the log and the throttle; never shown to other clients. */
  readonly remoteAddress: string;
  readonly encrypted: boolean;
  /** Whether it is of the server's own test: nothing keeps it out, and nobody hears or sees of it. */
  readonly #isTest: boolean;
  readonly fingerprint: string | undefined;
  /** The address that it has connected to. */
  readonly #listener: Address;
  readonly #connectedAt = Date.now();
  readonly #transport: Transport;
  readonly #hub: Hub;
  readonly #dispatch: Dispatch;
  readonly #connection: PacketConnection;
  readonly #pace: Pace;
  source: Source;
  readonly closed: Promise<void>;
  #resolveClosed!: () => void;
  /** What it has logged in with. */
  #claim: Claim | undefined;
  #subscriber: Subscriber | undefined;
  readonly #identification: Identification;
  #forbidden = 0;
  #packets = 0;
  #bytes = 0;
  /** When the last packet came, as `performance.now()`. */
  #heardAt = performance.now();

  constructor(
    hub: Hub,
    transport: Transport,
    listener: Address,
    dispatch: Dispatch,
    source: Source,
    id: SessionId = hub.newSessionId(),
  ) {
    this.id = id;
    this.#isTest = isTestId(id);
    this.#hub = hub;
    this.#dispatch = dispatch;
    this.source = source;
    const { longBytes } = listener;
    this.#listener = listener;
    this.longBytes = longBytes;
    this.remoteAddress = transport.remoteAddress ?? 'unknown';
    this.encrypted = transport.encrypted;
    this.fingerprint = transport.certificate && fingerprintOf(transport.certificate);
    this.#transport = transport;
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    const { receivers, incomplete } = hub;
    const { maxQueuedBytes } = hub.options.limits;
    const options = { longBytes, maxQueuedBytes, receivers, incomplete };
    this.#connection = new PacketConnection(transport, this, options);
    this.#connection.isNewcomer = true;
    this.#pace = new Pace(hub, this, this.#connection);
    this.#identification = new Identification(hub, this, transport.certificate);
    if (!this.#isTest) hub.sessions.add(this);
  }

  get login(): string {
    return this.#claim?.login ?? '';
  }

  get key(): string {
    return this.#claim?.key ?? '';
  }

  get identified(): boolean {
    return this.#claim !== undefined;
  }

  /** What is wrong with a login for anyone (P7). */
  problemOf(login: string): string | undefined {
    if (this.identified) return 'already identified';
    return this.#isTest ? undefined : loginProblem(login);
  }

  /** Whether the packet being handled is the first one of the connection. */
  get fresh(): boolean {
    return this.#packets === 1;
  }

  send(packet: Packet, isPatient?: boolean): void {
    this.sendBytes(encodePacket(packet, this.longBytes), isPatient);
  }

  sendBytes(frame: Buffer, isPatient?: boolean): void {
    if (this.#subscriber) this.#hub.broadcast.catchUp(this.#subscriber);
    this.#connection.sendBytes(frame, undefined, isPatient);
  }

  flush(): void {
    this.#connection.flush();
  }

  /** Sends a packet to everyone. */
  post(frame: Buffer): void {
    const { broadcast } = this.#hub;
    if (this.#isTest && this.#subscriber) broadcast.postTo(this.#subscriber, Buffer.from(frame));
    else {
      broadcast.post(frame, this.#connection);
      this.#hub.others?.post(frame);
    }
  }

  /**
   * Takes the login if it may have it, and it is free. What the client sends behind its LOGIN waits until the directory has
   * answered.
   */
  identify(login: string): void {
    // Its turn to be ended comes: nobody is let in any more.
    if (!this.#hub.admitting) return this.end();
    const claim = this.#identification.claimOf(login);
    this.#connection.hold();
    // Who waits for the directory is not silent (P12).
    this.#identification.end();
    const refusal = this.#identification.refusal(login);
    if (refusal) return this.#onClaimed(claim, refusal);
    const barred = (): LoginRefusal | undefined => {
      const late = this.#identification.lateRefusal(login);
      if (late) this.#release(claim, 'free');
      return late;
    };
    takeLogin(this.#hub, claim, barred)
      .then((refused) => this.#onClaimed(claim, refused))
      .catch((error: unknown) => this.#onBug(error, 'LOGIN'));
  }

  async endIfGhost(claim: Claim): Promise<boolean> {
    const { ending } = this.#connection;
    if (ending) return ending.then(() => true);
    const { loginHoldMs } = this.#hub.options.limits;
    const since = this.#connection.stalledSince;
    if (since === undefined || loginHoldMs === 0 || performance.now() - since < loginHoldMs) return false;
    if (this.#claim?.key !== claim.key || !isSameClient(this.#claim, claim)) return false;
    this.#hub.events.emit('ghostReplaced', this);
    this.#leave('hold');
    this.#connection.destroy();
    return true;
  }

  refuseLogin(login: string, refusal: LoginRefusal): void {
    this.#identification.refuse(login, refusal);
    this.send({ type: 'LOGIN_REFUSED' });
  }

  /** Whether a login in a packet is this session's own (P7). */
  is(login: string): boolean {
    return login === this.login || loginKey(login) === this.key;
  }

  /** A well-formed packet that this session may not send now (P5). */
  forbid(packet: Packet, why: string): void {
    // Another process may say so late.
    if (this.#connection.closed) return;
    this.#forbidden += 1;
    const last = this.#forbidden >= this.#hub.options.limits.maxForbiddenPackets;
    this.#hub.events.emit('forbidden', this, packet.type, why, last);
    if (last) this.#connection.destroy();
  }

  /** The connection turns out to be a half of a channel: it stops being a session. */
  becomeHalf(connectId: bigint): void {
    this.#identification.end();
    this.#hub.sessions.delete(this);
    this.#resolveClosed();
    const { transport, rest } = this.#connection.detach();
    this.source.unidentified -= 1;
    const { channels, others } = this.#hub;
    const { remoteAddress, fingerprint } = this;
    const comer = { remoteAddress, fingerprint, isShutOut: channels.shutsOut(remoteAddress) };
    const isElsewhere = others !== undefined && !others.homes.isHere(connectId);
    if (isElsewhere && others.handOver(connectId, { transport, rest, comer }, this.source)) return;
    channels.enter(connectId, transport, rest, comer, this.source);
  }

  end(): void {
    if (this.#subscriber) this.#hub.broadcast.catchUp(this.#subscriber);
    this.#connection.end();
  }

  destroy(): void {
    this.#connection.destroy();
  }

  /** Memory, in bytes, that waits for it. */
  get queuedBytes(): number {
    return this.#connection.waitingBytes;
  }

  /** How long it has sent no whole packet, in milliseconds. */
  get idleMs(): number {
    return Math.round(performance.now() - this.#heardAt);
  }

  /** What it is at this moment. */
  view(): SessionView {
    const { id, login, remoteAddress, longBytes, fingerprint, encrypted, queuedBytes, idleMs } = this;
    const { sentBytes } = this.#connection;
    return {
      id,
      login,
      remoteAddress,
      longBytes,
      fingerprint,
      encrypted,
      listener: formatAddress(this.#listener),
      connectedAt: new Date(this.#connectedAt),
      idleMs,
      packets: this.#packets,
      bytesReceived: this.#bytes,
      bytesSent: sentBytes,
      queuedBytes,
    };
  }

  findSource(): void {
    const { carriers, sources } = this.#hub;
    const wasExempt = this.source.exempt;
    this.source = sources.move(this.source, this.remoteAddress, !this.identified);
    const isBehind = carriers.findSource(this);
    if (isBehind && this.source.exempt !== wasExempt) this.#setAwaited(this.source.exempt);
  }

  get hasLeft(): boolean {
    return this.identified && !this.#subscriber;
  }

  /** An operator ends it: what is queued leaves first, and what it still sends has no effect. */
  kick(): void {
    if (!this.identified) {
      this.#connection.destroy();
      return;
    }
    this.#leave('free');
    this.#connection.end();
  }

  onPacket(packet: Packet, frame: () => Buffer): void {
    if (this.hasLeft || this.#hub.others?.hasEnded) return;
    const { packetBytes } = this.#connection;
    this.#packets += 1;
    this.#bytes += packetBytes;
    this.#heardAt = performance.now();
    const limit = this.#pace.charge(packetBytes);
    try {
      this.#dispatch(this.#hub, this, packet, frame);
    } catch (error) {
      this.#onBug(error, packet.type);
    }
    if (limit) this.#pace.slow(limit);
    const { others, sources } = this.#hub;
    if (!others) return;
    others.holdBack(this.#connection);
    if (!this.#isTest) sources.notePacket(this.source, packetBytes);
  }

  /** It has sent a message: where it is exempt and a reader is behind, it waits (P17). */
  sentTo(audience: Audience): void {
    if (!this.#isTest) this.#pace.sentTo(audience);
  }

  /** No sender waits for those who are not exempt: a stranger who reads slowly slows nobody. */
  onBehind(isBehind: boolean): void {
    if (!this.#subscriber || this.#isTest) return;
    this.#hub.carriers.set(this, isBehind);
    if (this.source.exempt) this.#setAwaited(isBehind);
  }

  /** Whether exempt senders wait for it, here and in other processes. */
  #setAwaited(isAwaited: boolean): void {
    this.#hub.readers.set(this, isAwaited);
    this.#hub.others?.behind(this, isAwaited);
  }

  /** It costs this client its connection, and nobody else anything. */
  #onBug(error: unknown, type: PacketType): void {
    this.#hub.events.emit('internalError', error, type);
    this.#connection.destroy();
  }

  /** The directory has answered: in one turn, the client is found by others, is sent LOGIN_ACCEPTED, and gets what is said. */
  #onClaimed(claim: Claim, refusal: LoginRefusal | undefined): void {
    const hub = this.#hub;
    if (!this.#connection.open) {
      if (refusal === undefined) this.#release(claim, 'hold');
    } else if (refusal === undefined) {
      this.source.unidentified -= 1;
      hub.sources.noteChange(this.source);
      this.#claim = claim;
      this.#connection.isNewcomer = false;
      this.#identification.end();
      hub.others?.identified(this.#transport);
      hub.directory.add(this);
      this.#connection.send({ type: 'LOGIN_ACCEPTED' });
      this.#subscriber = hub.broadcast.join(this.#connection);
      if (this.#isTest) hub.testing += 1;
      hub.events.emit('login', this);
    } else {
      this.refuseLogin(claim.login, refusal);
      retrying.add(this.#connection);
      return;
    }
    this.#connection.release();
  }

  #release(member: Member, how: Release): void {
    const { directory, events, closing } = this.#hub;
    // What has been reserved for somebody else meanwhile is not held for this one.
    const isLost = how === 'hold' && this.#identification.barredMeanwhile(member.login) !== undefined;
    const released = directory.release(member, closing || isLost ? 'free' : how);
    released.catch((error: unknown) => events.emit('releaseFailed', this, error));
  }

  onClose(error: ChatosError | undefined): void {
    const hub = this.#hub;
    this.#identification.end();
    hub.sessions.delete(this);
    this.#pace.forget();
    if (!this.identified) this.source.unidentified -= 1;
    this.source.leave();
    this.#resolveClosed();
    if (isUnanswered(error)) {
      hub.channels.unanswered(this.id, this.remoteAddress);
      hub.others?.unanswered(this.id, this.remoteAddress);
    }
    if (error?.code === 'MALFORMED_PACKET') hub.events.emit('malformed', this, error);
    else if (error?.code === 'QUEUE_FULL')
      hub.events.emit(SLOW_EVENTS[error.fields['limitName'] as ReceiverLimit], this, error);
    else if (error) hub.events.emit('connectionLost', this, error);
    this.#leave('hold');
  }

  /** The client has left in order: its login is free (P7a). */
  onEnd(): void {
    this.#leave('free');
  }

  /** Nobody finds the client any more, and those who waited for an answer get KO (P10). */
  #leave(how: Release): void {
    if (!this.#subscriber) return;
    const hub = this.#hub;
    hub.broadcast.catchUp(this.#subscriber);
    hub.broadcast.leave(this.#subscriber);
    hub.readers.set(this, false);
    hub.carriers.set(this, false);
    this.#subscriber = undefined;
    if (this.#isTest) hub.testing -= 1;
    this.#release(this, this.#isTest ? 'free' : how);
    hub.negotiations.leave(this.id);
    hub.events.emit('left', this);
  }
}
