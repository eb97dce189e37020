import { TurnQueue } from '../../net/turn-queue.ts';
import { Rate, SLACK_MS } from './rate.ts';
import type { ServerLimits } from './server-limits.ts';

/** The limits that slow a sender, by the names that they have in the configuration. */
export type SlowingLimit =
  'messagesPerSecond' | 'bytesPerSecond' | 'messagesPerSecondPerAddress' | 'bytesPerSecondPerAddress';

/** What has been taken from a session, or an address: the times at which it is paid off. */
export interface Account {
  messagesPaidAt: number;
  bytesPaidAt: number;
}

/** An address that is slowed, from which several may send: they take turns. */
export interface SharedAccount extends Account {
  readonly exempt: boolean;
  /** When those that waited went on at last, and how many they were. */
  roundAt: number;
  sharers: number;
}

/** A session that may be slowed. */
export interface Sender extends Account {
  readonly source: SharedAccount;
  /** The round of its address in which it has sent something, and what it may still take in that one, in milliseconds. */
  roundAt: number;
  leftMs: number;
  /** Whether it waits for a reader. */
  readonly isHeldBack: boolean;
  /** Its input goes on. */
  resume(): void;
}

/** How often those that wait are looked at. */
const LOOK_MS = 25;
/** An address on which some wait has a round within this time. */
const ROUND_MS = SLACK_MS + 2 * LOOK_MS;

/**
 * Holds senders to their rates (P17): who is over one is paused, so that TCP slows it, and goes on when it is well below.
 * Those of one address that is over its rate go on in rounds, in each of which they have equal parts of what is free: who
 * takes less than its part does not wait for those who take more. Who waits for a reader is paused, too. Nothing is
 * allocated for a packet, and one timer runs for all that wait.
 */
export class Slowing {
  #messages!: Rate;
  #bytes!: Rate;
  #addressMessages!: Rate;
  #addressBytes!: Rate;
  readonly #now: () => number;
  /** In the order in which they were paused. */
  readonly #waiting = new Set<Sender>();
  /** Those that may go on, which have packets waiting. */
  readonly #resuming = new TurnQueue<Sender>((sender) => sender.resume());
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: ServerLimits, now: () => number = () => performance.now()) {
    this.#now = now;
    this.update(limits);
  }

  /** From now on, these hold: what was taken before is paid off in the time that it takes. */
  update(limits: ServerLimits): void {
    this.#messages = new Rate(limits.messagesPerSecond, limits.messageBurst);
    this.#bytes = new Rate(limits.bytesPerSecond, limits.byteBurst);
    this.#addressMessages = new Rate(limits.messagesPerSecondPerAddress, limits.messageBurstPerAddress);
    this.#addressBytes = new Rate(limits.bytesPerSecondPerAddress, limits.byteBurstPerAddress);
  }

  /** Charges a packet, whatever becomes of it. Returns the limit that is exceeded by now, if there is one. */
  charge(sender: Sender, bytes: number): SlowingLimit | undefined {
    const { source } = sender;
    if (source.exempt) return undefined;
    const now = this.#now();
    sender.messagesPaidAt = this.#messages.take(sender.messagesPaidAt, 1, now);
    sender.bytesPaidAt = this.#bytes.take(sender.bytesPaidAt, bytes, now);
    source.messagesPaidAt = this.#addressMessages.take(source.messagesPaidAt, 1, now);
    source.bytesPaidAt = this.#addressBytes.take(source.bytesPaidAt, bytes, now);
    if (this.#messages.exceeded(sender.messagesPaidAt, now)) return 'messagesPerSecond';
    if (this.#bytes.exceeded(sender.bytesPaidAt, now)) return 'bytesPerSecond';
    const limit = this.#pressingOn(source, now);
    return limit && this.#hasHadItsPart(sender, limit, bytes, now) ? limit : undefined;
  }

  /** Charges an address what it has sent to other processes of the server. */
  chargeElsewhere(source: SharedAccount, messages: number, bytes: number): void {
    const now = this.#now();
    source.messagesPaidAt = this.#addressMessages.take(source.messagesPaidAt, messages, now);
    source.bytesPaidAt = this.#addressBytes.take(source.bytesPaidAt, bytes, now);
  }

  /** The limit that the address is over; or nearly, where others wait for it. */
  #pressingOn(source: SharedAccount, now: number): SlowingLimit | undefined {
    const messages = this.#addressMessages;
    const bytes = this.#addressBytes;
    const { messagesPaidAt, bytesPaidAt } = source;
    const shared = isShared(source, now);
    if (shared ? messages.isNear(messagesPaidAt, now) : messages.exceeded(messagesPaidAt, now)) {
      return 'messagesPerSecondPerAddress';
    }
    const pressing = shared ? bytes.isNear(bytesPaidAt, now) : bytes.exceeded(bytesPaidAt, now);
    return pressing ? 'bytesPerSecondPerAddress' : undefined;
  }

  /** Whether the sender leaves to others what is free of its address in this round. */
  #hasHadItsPart(sender: Sender, limit: SlowingLimit, bytes: number, now: number): boolean {
    const messages = this.#addressMessages;
    const byBytes = this.#addressBytes;
    const { source } = sender;
    if (!isShared(source, now)) return true;
    if (messages.farExceeded(source.messagesPaidAt, now) || byBytes.farExceeded(source.bytesPaidAt, now)) return true;
    if (sender.roundAt !== source.roundAt) {
      sender.roundAt = source.roundAt;
      sender.leftMs = (limit === 'messagesPerSecondPerAddress' ? messages : byBytes).slackMs / source.sharers;
    }
    sender.leftMs -= Math.max(messages.timeFor(1), byBytes.timeFor(bytes));
    return sender.leftMs <= 0;
  }

  /** The sender is resumed when it may go on. */
  wait(sender: Sender): void {
    this.#waiting.add(sender);
    this.#timer ??= setInterval(this.#look, LOOK_MS).unref();
  }

  /** It is gone. */
  forget(sender: Sender): void {
    this.#waiting.delete(sender);
    this.#resuming.delete(sender);
  }

  readonly #look = (): void => {
    const now = this.#now();
    for (const sender of this.#waiting) {
      if (!this.#mayGoOn(sender, now)) continue;
      const { source } = sender;
      source.sharers = source.roundAt === now ? source.sharers + 1 : 1;
      source.roundAt = now;
      this.#waiting.delete(sender);
      this.#resuming.add(sender);
    }
    if (this.#waiting.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  };

  #mayGoOn(sender: Sender, now: number): boolean {
    const { messagesPaidAt, bytesPaidAt, source } = sender;
    return (
      !sender.isHeldBack &&
      this.#messages.allowsMore(messagesPaidAt, now) &&
      this.#bytes.allowsMore(bytesPaidAt, now) &&
      this.#addressMessages.allowsMore(source.messagesPaidAt, now) &&
      this.#addressBytes.allowsMore(source.bytesPaidAt, now)
    );
  }
}

/** Whether some have waited for this address lately: those that send from there take turns. */
function isShared({ roundAt }: SharedAccount, now: number): boolean {
  return now - roundAt <= ROUND_MS;
}
