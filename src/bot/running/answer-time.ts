import { setMaxListeners } from 'node:events';
import { ChatosError } from '../../errors.ts';
import type { Clock } from '../../util/clock.ts';
import type { EndReason } from './last-words.ts';

/** How long the questions of a plugin may be answered: until some time after it has begun to stop. */
export class AnswerTime {
  readonly #clock: Clock;
  readonly #name: string;
  readonly #abort = new AbortController();
  #cancel: () => void = () => undefined;

  /** @param name that of the plugin */
  constructor(name: string, clock: Clock) {
    this.#name = name;
    this.#clock = clock;
    setMaxListeners(0, this.#abort.signal);
  }

  /** Aborted with `INTERRUPTED` when it is over. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Ends it after some milliseconds. */
  endIn(ms: number, reason: EndReason): void {
    if (ms > 0) this.#cancel = this.#clock.after(ms, () => this.end(reason));
    else this.end(reason);
  }

  end(reason: EndReason): void {
    this.#cancel();
    const message = `${this.#name} ${reason === 'stop' ? 'stopped' : 'was reloaded'}`;
    this.#abort.abort(new ChatosError('INTERRUPTED', message, { fields: { reason } }));
  }
}
