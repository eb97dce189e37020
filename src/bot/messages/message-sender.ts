import type { ChatosClient } from '../../client/client.ts';
import type { Clock } from '../../util/clock.ts';
import type { Activity } from '../running/activity.ts';
import type { AskOptions, Message } from '../plugin/context.ts';
import { awaitPeer, currentCall, type Call, type Cause } from '../running/current-call.ts';
import type { OfAccount, RuntimeObserver } from '../events.ts';
import type { FloodLimits } from './flood-limits.ts';
import type { LoopGuard } from './loop-guard.ts';
import { Outbox } from './outbox.ts';
import { DEFAULT_ASK_TIMEOUT_MS, type Questions } from './questions.ts';
import { splitText } from '../../client/split-text.ts';
import type { AccountStatus } from '../status.ts';

export interface VoiceSettings {
  readonly account: OfAccount;
  readonly client: ChatosClient;
  readonly flood: FloodLimits;
  /** Is told what is answered to whom. */
  readonly guard: LoopGuard | undefined;
  readonly questions: Questions;
  readonly clock: Clock;
  readonly observer: RuntimeObserver;
  readonly activity: Activity;
}

/** Who says something, and which message caused it, where that is known. */
export interface Saying {
  readonly bot?: string;
  readonly cause?: Cause;
}

/** Where a question is asked. */
export interface Asked {
  readonly peer: string;
  /** Whether it is put to the peer alone, else to everyone. */
  readonly isPrivate: boolean;
}

/** What an account says: whole texts, on their way through its outbox, and questions. */
export class MessageSender {
  readonly #settings: VoiceSettings;
  readonly #outbox: Outbox;

  constructor(settings: VoiceSettings) {
    const { client, flood, clock } = settings;
    this.#settings = settings;
    this.#outbox = new Outbox(
      {
        get connected() {
          return client.connected;
        },
        send: (to, text) => (to === undefined ? client.say(text) : client.tell(to, text)),
      },
      flood,
      clock,
    );
  }

  /**
   * Says a text to one, or to everyone. What is not known of who says it and why is what the call is about that is
   * running.
   *
   * @throws {ChatosError} as {@link Outbox.send}
   */
  async speak(to: string | undefined, text: string, known: Saying): Promise<void> {
    const { account, guard, clock, observer, activity } = this.#settings;
    const call = currentCall();
    const { bot = call?.runner.plugin.name, cause: { from: cause, number: answers } = causeOf(call) } = known;
    if (cause !== undefined) guard?.answered(cause, text, clock.now().getTime());
    observer({ type: 'said', ...account, bot, to, text, cause, answers });
    await activity.during((rest) => this.#outbox.send(to, splitText(text), (wait) => rest(awaitPeer(wait))));
  }

  /**
   * Puts a question to a peer; resolves to the peer's next message there.
   *
   * @throws {ChatosError} as {@link Questions.ask}
   */
  ask({ peer, isPrivate }: Asked, question: string, options: AskOptions, known: Saying): Promise<Message> {
    const { timeoutMs = DEFAULT_ASK_TIMEOUT_MS, signal } = options;
    const put = (): Promise<void> => this.speak(isPrivate ? peer : undefined, question, known);
    return awaitPeer(this.#settings.questions.ask(peer, isPrivate, { put, signal, timeoutMs }));
  }

  /** The connection is there, or there again. */
  connected(): void {
    this.#outbox.connected();
  }

  /** Another process has the login: what waits to be said, or is said yet, is given up until the connection is there. */
  silence(): void {
    this.#outbox.silence();
  }

  /** Resolves when nothing waits to be sent. */
  emptied(): Promise<void> {
    return this.#outbox.emptied();
  }

  /** Gives up what waits to be sent. */
  close(): void {
    this.#outbox.close();
  }

  get status(): Omit<AccountStatus['messages'], 'heard'> {
    const { sent, waiting, dropped } = this.#outbox;
    return { sent, waiting, dropped };
  }
}

/** The message that caused a call, or as much of it as is known. */
function causeOf(call: Call | undefined): Partial<Cause> {
  const { peer: from, heard: number } = call ?? {};
  return { ...(from !== undefined && { from }), ...(number !== undefined && { number }) };
}
