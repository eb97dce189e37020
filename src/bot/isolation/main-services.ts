import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout } from 'node:timers/promises';
import type { Channel } from '../../client/channel.ts';
import { withResolvers } from '../../util/deferred.ts';
import { ChatosError, messageOf } from '../../errors.ts';
import type { Tick } from '../../schedule/run-queue.ts';
import type { Logger } from '../../util/log.ts';
import type { IncomingRequest, Message } from '../plugin/context.ts';
import type { BoundContext } from './bound-context.ts';
import { relayChannel, type CrossingChannel } from './channel-relay.ts';
import { OUTSIDE_OF_HOOKS } from '../running/current-call.ts';
import type { CallScope, CrossingMessage, MainCalls } from './contract.ts';
import { unpackError } from './crossing-error.ts';
import type { Calls } from './port-calls.ts';

/** Messages that the plugin can still ask about: the last ones. */
const MAX_MESSAGES = 1_000;
/** Readings of the store that may be open. */
const MAX_READINGS = 1_000;
/** A worker that is to end has this long to take the last bytes of channels that are closed. */
const LAST_BYTES_MS = 1_000;
/** Entries of the store that cross at once. */
const PAGE_ENTRIES = 64;

export interface MainServicesParts {
  readonly log: Logger;
  readonly contextOf: (id: number) => BoundContext;
  /** The contexts that the plugin was called with. */
  contexts(): Iterable<BoundContext>;
  runJob(bound: BoundContext, job: number, tick: Tick): Promise<void>;
  change(update: number, old: unknown): Promise<string>;
}

/** A channel that the worker has. */
interface Relayed {
  readonly channel: Channel;
  readonly closed: Promise<void>;
  /** The worker has taken all that came. */
  readonly over: Promise<void>;
}

/** What the main thread does for one worker. */
export class MainServices {
  readonly #parts: MainServicesParts;
  readonly #messages = new Map<number, Message>();
  readonly #requests = new Map<number, IncomingRequest>();
  readonly #readings = new Map<number, AsyncIterator<[key: string, value: unknown]>>();
  /** What runs inside of the function of an update belongs to it, also when it comes from the worker. */
  readonly #updates = new Map<number, <T>(run: () => T) => T>();
  readonly #relayed = new Set<Relayed>();
  #lastId = 0;

  constructor(parts: MainServicesParts) {
    this.#parts = parts;
  }

  readonly handlers: Calls<MainCalls> = {
    reply: ({ scope, message: { id, from, private: isPrivate }, text }) =>
      this.#within(scope, ({ context }) => {
        const message = this.#messages.get(id);
        if (message) return message.reply(text);
        return isPrivate ? context.tell(from, text) : context.say(text);
      }),
    speak: ({ scope, to, text }) =>
      this.#within(scope, ({ context }) => (to === undefined ? context.say(text) : context.tell(to, text))),
    ask: ({ scope, message, peer, question, timeoutMs }, signal) =>
      this.#within(scope, async ({ context }) => {
        const options = timeoutMs === undefined ? { signal } : { signal, timeoutMs };
        if (message === undefined) return this.pack(await context.ask(peer, question, options));
        const about = this.#messages.get(message);
        if (about) return this.pack(await about.ask(question, options));
        const why = `more than ${MAX_MESSAGES} messages came since the one that is asked about`;
        throw new ChatosError('INVALID_ARGUMENT', why);
      }),
    openChannel: ({ scope, peer, timeoutMs }, signal) =>
      this.#within(scope, async ({ context }) => {
        const channel = await context.request(peer, timeoutMs === undefined ? { signal } : { signal, timeoutMs });
        if (!signal.aborted) return this.relay(channel);
        channel.destroy();
        throw new ChatosError('ABORTED', 'the request was given up');
      }),
    schedule: ({ scope, job, name, when }) =>
      this.#within(scope, (bound) => bound.schedule(name, when, (tick) => this.#parts.runJob(bound, job, tick))),
    decide: ({ request, accepted }) => {
      const incoming = this.#requests.get(request);
      if (accepted) incoming?.accept();
      else incoming?.refuse();
    },
    log: ({ scope, level, text, fields }) => this.#parts.contextOf(scope.context).context.log[level](text, fields),
    stray: ({ scope, error }) => {
      // Nobody else runs in this worker, so it is the plugin's also where the call cannot be told.
      const owners = scope ? [this.#parts.contextOf(scope.context)] : [...this.#parts.contexts()];
      const runners = owners.flatMap(({ runner }) => runner ?? []);
      const thrown = unpackError(error);
      for (const runner of runners) runner.uncaught(thrown, scope?.hook ?? OUTSIDE_OF_HOOKS, scope?.peer);
      if (runners.length === 0) this.#parts.log.error(`uncaught: ${messageOf(thrown)}`, { stack: error.stack });
    },
    storeGet: ({ scope, key }) => this.#within(scope, ({ context }) => context.store.get(key)),
    storeHas: ({ scope, key }) => this.#within(scope, ({ context }) => context.store.has(key)),
    storeSet: ({ scope, key, json }) =>
      this.#within(scope, ({ context }) => context.store.set(key, JSON.parse(json) as unknown)),
    storeDelete: ({ scope, key }) => this.#within(scope, ({ context }) => context.store.delete(key)),
    storeUpdate: ({ scope, key, change }) =>
      this.#within(scope, async ({ context }) => {
        try {
          await context.store.update(key, async (old) => {
            this.#updates.set(change, AsyncLocalStorage.snapshot());
            return JSON.parse(await this.#parts.change(change, old)) as unknown;
          });
        } finally {
          this.#updates.delete(change);
        }
      }),
    storeClear: ({ scope }) => this.#within(scope, ({ context }) => context.store.clear()),
    storeRead: ({ scope, prefix, limit }) => {
      if (this.#readings.size >= MAX_READINGS) {
        throw new ChatosError('QUEUE_FULL', `${MAX_READINGS} readings of the store are open: end them`);
      }
      const { store } = this.#parts.contextOf(scope.context).context;
      const wanted = { ...(prefix === undefined ? {} : { prefix }), ...(limit === undefined ? {} : { limit }) };
      const id = (this.#lastId += 1);
      this.#readings.set(id, store.entries(wanted)[Symbol.asyncIterator]());
      return id;
    },
    storePage: async ({ reading }) => {
      const entries = this.#readings.get(reading);
      const page: [key: string, value: unknown][] = [];
      for (let index = 0; index < PAGE_ENTRIES; index += 1) {
        const next = await entries?.next();
        if (!next || next.done === true) break;
        page.push(next.value);
      }
      return page;
    },
    storeReadEnd: async ({ reading }) => {
      const entries = this.#readings.get(reading);
      this.#readings.delete(reading);
      await entries?.return?.();
    },
  };

  /** A message on its way to the worker, which can answer and ask about it. */
  pack(message: Message): CrossingMessage {
    const id = (this.#lastId += 1);
    this.#messages.set(id, message);
    for (const oldest of this.#messages.keys()) {
      if (this.#messages.size <= MAX_MESSAGES) break;
      this.#messages.delete(oldest);
    }
    const { from, text, private: isPrivate } = message;
    return { id, from, text, private: isPrivate };
  }

  /** Has the worker decide about a request, while `ask` asks it. */
  async decide<T>(request: IncomingRequest, ask: (id: number) => Promise<T>): Promise<T> {
    const id = (this.#lastId += 1);
    this.#requests.set(id, request);
    try {
      return await ask(id);
    } finally {
      this.#requests.delete(id);
    }
  }

  /** A channel on its way to the worker. */
  relay(channel: Channel): CrossingChannel {
    const closed = channel.closed ? Promise.resolve() : new Promise<void>((resolve) => channel.once('close', resolve));
    const over = withResolvers<void>();
    const relayed = { channel, closed, over: over.promise };
    this.#relayed.add(relayed);
    void Promise.all([closed, over.promise]).then(() => this.#relayed.delete(relayed));
    return relayChannel(channel, over.resolve);
  }

  /** Resolves when no channel is open any more and the worker has taken what came, or has had a moment to do so. */
  async channelsClosed(): Promise<void> {
    const relayed = [...this.#relayed];
    await Promise.all(relayed.map(({ closed }) => closed));
    await Promise.race([
      Promise.all(relayed.map(({ over }) => over)),
      setTimeout(LAST_BYTES_MS, undefined, { ref: false }),
    ]);
  }

  /** For a worker that is given up: nobody will read from its channels, or write to them. */
  breakChannels(): void {
    for (const { channel } of this.#relayed) channel.destroy();
  }

  #within<T>(scope: CallScope, run: (bound: BoundContext) => T): T {
    const bound = this.#parts.contextOf(scope.context);
    const inside = scope.update === undefined ? undefined : this.#updates.get(scope.update);
    return inside ? inside(() => run(bound)) : bound.within(scope, () => run(bound));
  }
}
