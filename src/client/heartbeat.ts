import type { SendOptions } from './options.ts';

/** A good time for {@link ClientOptions.heartbeatMs}: a silent server is noticed within 45 s. */
export const DEFAULT_HEARTBEAT_MS = 15_000;

/** After so many messages sent with nothing received: a server that reads slowly shows by the answers that it reads. */
const SENT_BETWEEN_QUESTIONS = 20;
/** After so many sessions in a row that ended with the question at login open, the server may end them because of it. */
const MAX_CUT_OFF = 3;

export interface HeartbeatSettings {
  readonly intervalMs: number;
  /** Sends a message to ourselves; resolves when it is back, and rejects when the session is lost. */
  readonly roundTrip: (options: SendOptions) => Promise<void>;
  /** Bytes of ours that the operating system has not taken. */
  readonly unsentBytes: () => number;
  /** Gives the session up: nothing has come for at least `silentMs`, not even an answer. */
  readonly onSilent: (silentMs: number) => void;
  /** Once: the server does not return messages to oneself. */
  readonly onUnanswered: () => void;
}

/**
 * Notices a server that is silent, although the connection is there: it was stopped, or the network is dead.
 *
 * Whatever comes is a sign of life. After an interval without any, a message to ourselves asks for one, and after one more
 * the session is given up: within three intervals. Where what we send has to wait, the question waits behind it: then it is
 * a sign of life, too, that bytes of ours are taken. Silence proves nothing where a server does not return messages to
 * oneself, as the RFC allows: one question at login shows whether it does.
 */
export class Heartbeat {
  readonly #settings: HeartbeatSettings;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = 0;
  /** Whether anything has come since the last beat. */
  #heard = true;
  /** Whether the last beat has asked. */
  #asked = false;
  /** What waited at the last beat to be taken, in bytes. */
  #unsent = 0;
  /** Messages sent since anything came, or since the last question. */
  #sent = 0;
  /** Whether the server has answered in this session. */
  #answered = false;
  /** Whether it answers, as it did in this session or in the last one. */
  #answers = false;
  #beats = 0;
  #cutOff = 0;
  #reported = false;

  constructor(settings: HeartbeatSettings) {
    this.#settings = settings;
  }

  /** A session has begun. */
  connected(): void {
    this.#answers = this.#answered;
    this.#answered = false;
    this.#beats = 0;
    this.heard();
    this.#asked = false;
    this.#unsent = 0;
    if (this.#cutOff >= MAX_CUT_OFF) {
      this.#report();
      return;
    }
    this.#ask();
    this.#startTimer();
  }

  /** The session is over. */
  disconnected(): void {
    // Without a question there was nothing to learn: the next session has one again.
    if (this.#timer === undefined) this.#cutOff = MAX_CUT_OFF - 1;
    else this.#cutOff = this.#answered ? 0 : this.#cutOff + 1;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Something has come. */
  heard(): void {
    this.#heard = true;
    this.#sent = 0;
  }

  /** A message was sent. */
  sent(): void {
    this.#sent += 1;
    if (this.#sent >= SENT_BETWEEN_QUESTIONS && this.#timer && (this.#answers || this.#beats < 2)) this.#ask();
  }

  #startTimer(): void {
    const { intervalMs } = this.#settings;
    this.#dueAt = performance.now() + intervalMs;
    this.#timer = setTimeout(() => this.#beat(), intervalMs);
  }

  #beat(): void {
    const lateMs = performance.now() - this.#dueAt;
    this.#startTimer();
    this.#beats += 1;
    const session = this.#timer;
    // What came while this process was busy is read before that.
    setImmediate(() => {
      if (this.#timer === session) this.#judge(lateMs);
    });
  }

  #judge(lateMs: number): void {
    const { intervalMs, onSilent } = this.#settings;
    if (this.#beats === 2 && !this.#answers) this.#report();
    const unsent = this.#settings.unsentBytes();
    if (this.#unsent > 0 && unsent !== this.#unsent) this.#heard = true;
    this.#unsent = unsent;
    if (this.#heard) {
      this.#heard = false;
      this.#asked = false;
    } else if (!this.#asked) {
      this.#asked = true;
      if (this.#answers) this.#ask();
    } else if (this.#answers && lateMs < intervalMs / 2) {
      onSilent(2 * intervalMs);
    }
  }

  #ask(): void {
    this.#sent = 0;
    this.#settings.roundTrip({ timeoutMs: Infinity }).then(
      () => {
        this.#answered = true;
        this.#answers = true;
      },
      () => undefined,
    );
  }

  #report(): void {
    if (!this.#reported) this.#settings.onUnanswered();
    this.#reported = true;
  }
}
