import { TurnQueue } from '../../net/turn-queue.ts';
import { Rate } from './rate.ts';
import type { ServerLimits } from './server-limits.ts';

/** The limits that slow a sender, by the names that they have in the configuration. */
export type SlowingLimit =
  'messagesPerSecond' | 'bytesPerSecond' | 'messagesPerSecondPerAddress' | 'bytesPerSecondPerAddress';

/** What has been taken from a session, or an address: the times at which it is paid off. */
export interface Account {
  messagesPaidAt: number;
  bytesPaidAt: number;
}

/** A session that may be slowed. */
export interface Sender extends Account {
  readonly source: Account & { readonly exempt: boolean };
  /** Whether it waits for a reader. */
  readonly isHeldBack: boolean;
  /** Its input goes on. */
  resume(): void;
}

/** How often those that wait are looked at. */
const LOOK_MS = 25;

/**
 * Holds senders to their rates (P17): who is over one is paused, so that TCP slows it, and goes on when it is well below.
 * Who waits for a reader is paused, too. Nothing is allocated for a packet, and one timer runs for all that wait.
 */
export class Slowing {
  readonly #messages: Rate;
  readonly #bytes: Rate;
  readonly #addressMessages: Rate;
  readonly #addressBytes: Rate;
  readonly #now: () => number;
  /** In the order in which they were paused: those of one address take turns. */
  readonly #waiting = new Set<Sender>();
  /** Those that may go on, which have packets waiting. */
  readonly #resuming = new TurnQueue<Sender>((sender) => sender.resume());
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: ServerLimits, now: () => number = () => performance.now()) {
    this.#now = now;
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
    if (this.#addressMessages.exceeded(source.messagesPaidAt, now)) return 'messagesPerSecondPerAddress';
    if (this.#addressBytes.exceeded(source.bytesPaidAt, now)) return 'bytesPerSecondPerAddress';
    return undefined;
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
