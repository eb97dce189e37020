import { Deadlines, type Deadline } from '../../util/deadlines.ts';
import { sourceOf } from '../limits/source.ts';

/** How long an ended channel is remembered, and how many are: in all, and of those that one address has asked for. */
const REMEMBER_MS = 60_000;
const MAX_REMEMBERED = 2 ** 15;
const MAX_PER_ADDRESS = 2 ** 11;

/** What is kept of a channel that has ended. */
interface Ended {
  readonly id: bigint;
  readonly requester: { readonly remoteAddress: string };
}

/** The channels that have ended, the newest of each address that has asked for them: no address pushes others' out. */
export class EndedChannels {
  readonly #onForgotten: (channel: Ended) => void;
  readonly #due = new Deadlines<Ended>(REMEMBER_MS, (channel) => this.#forget(channel));
  readonly #ofAddress = new Map<string, Map<Ended, Deadline>>();

  constructor(onForgotten: (channel: Ended) => void) {
    this.#onForgotten = onForgotten;
  }

  add(channel: Ended): void {
    const address = addressOf(channel);
    const ended = this.#ofAddress.get(address) ?? new Map<Ended, Deadline>();
    this.#ofAddress.set(address, ended);
    ended.set(channel, this.#due.add(channel));
    const [oldest] = ended.keys();
    if (ended.size > MAX_PER_ADDRESS) this.#forget(oldest!);
    else if (this.#due.size > MAX_REMEMBERED) this.#forget(this.#due.shift()!);
  }

  #forget(channel: Ended): void {
    const address = addressOf(channel);
    const ended = this.#ofAddress.get(address)!;
    this.#due.delete(ended.get(channel));
    ended.delete(channel);
    if (ended.size === 0) this.#ofAddress.delete(address);
    this.#onForgotten(channel);
  }
}

function addressOf({ requester }: Ended): string {
  return sourceOf(requester.remoteAddress);
}
