import { isChatosError } from '../../errors.ts';
import type { AskOptions, Message } from '../plugin/context.ts';
import { awaitPeer, currentCall, type Call, type Cause } from '../running/current-call.ts';
import type { AccountScope } from '../running/account-scope.ts';
import { lastWords } from '../running/last-words.ts';
import { loginKey } from '../../util/login-key.ts';
import type { FloodLimits } from './flood-limits.ts';
import type { LoopGuard } from './loop-guard.ts';
import { Outbox } from './outbox.ts';
import { DEFAULT_ASK_TIMEOUT_MS, type Questions } from './questions.ts';
import { encodePacket } from '../../protocol/encoder.ts';
import { splitText } from '../../client/split-text.ts';

export interface MessageSenderSettings extends AccountScope {
  readonly flood: FloodLimits;
  /** Counts what is answered to whom. */
  readonly guard: LoopGuard | undefined;
  readonly questions: Questions;
}

/** The plugin that sends something, and the message that caused it, if they are known. */
export interface Saying {
  readonly bot?: string;
  readonly cause?: Cause;
}

/** Sends the texts and questions of an account through its outbox. */
export class MessageSender {
  readonly #settings: MessageSenderSettings;
  /** What waits to be sent. */
  readonly outbox: Outbox;

  constructor(settings: MessageSenderSettings) {
    const { client, flood, clock } = settings;
    this.#settings = settings;
    this.outbox = new Outbox(client, flood, clock);
  }

  /**
   * Sends a text to one, or to everyone. If plugin and cause are not given, they are those of the running call.
   *
   * @throws {ChatosError} as {@link Outbox.send}, and `INVALID_PACKET` for a login that is too long
   */
  async speak(to: string | undefined, text: string, known: Saying, signal?: AbortSignal): Promise<void> {
    const { account, guard, clock, observer, activity } = this.#settings;
    const call = currentCall();
    const { bot = call?.runner.plugin.name, cause: { from: cause, number: answers } = causeOf(call) } = known;
    if (cause !== undefined) guard?.answered(cause, text, clock.now().getTime());
    // Reports a login that can never be sent before anything counts as said.
    if (to !== undefined)
      encodePacket({ type: 'MESSAGE_PRIVATE', loginSender: account.login, loginTarget: to, msg: '' });
    await activity.during((rest) =>
      this.outbox.send(to, splitText(text), {
        whileHeld: (wait) => rest(awaitPeer(wait)),
        onAccepted: () => observer({ type: 'said', ...account, bot, to, text, cause, answers }),
        signal,
      }),
    );
  }

  /**
   * Sends a question to a peer, alone or with everyone; resolves to the peer's next message there. If the plugin stops
   * before, the peer learns that.
   *
   * @throws {ChatosError} as {@link Questions.ask}
   */
  ask(peer: string, isPrivate: boolean, question: string, options: AskOptions, known: Saying): Promise<Message> {
    const { timeoutMs = DEFAULT_ASK_TIMEOUT_MS, signal } = options;
    const to = isPrivate ? peer : undefined;
    const send = (): Promise<void> => this.speak(to, question, known, signal);
    const asked = awaitPeer(this.#settings.questions.ask(peer, isPrivate, { send, signal, timeoutMs }));
    return asked.catch((error: unknown) => {
      this.#excuse(error, peer, to, known);
      throw error;
    });
  }

  /** Tells a peer that the question it was asked has ended; does not wait until that has left. */
  #excuse(reason: unknown, peer: string, to: string | undefined, known: Saying): void {
    if (!isChatosError(reason, 'INTERRUPTED') || reason.fields['asked'] !== true) return;
    const { from } = { from: currentCall()?.peer, ...known.cause };
    const words = lastWords(reason, from !== undefined && loginKey(from) === loginKey(peer) ? 'caller' : 'asked');
    if (words !== undefined) this.speak(to, words, known).catch(() => undefined);
  }
}

/** What is known of the message that caused a call. */
function causeOf(call: Call | undefined): Partial<Cause> {
  const { peer: from, heard: number } = call ?? {};
  return { ...(from !== undefined && { from }), ...(number !== undefined && { number }) };
}
