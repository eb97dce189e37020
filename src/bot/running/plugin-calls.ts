import type { LogFields } from '../../util/log.ts';
import type { CallOwner } from '../loading/loaded-code.ts';
import type { Awaitable } from '../plugin/context.ts';
import type { Activity, Rest } from './activity.ts';
import { withinCall, type Call, type Cause } from './current-call.ts';
import { PeerQueues } from './peer-queues.ts';
import type { PluginHealth } from './plugin-health.ts';

/** The most calls of hooks that one plugin may have in progress; further ones are skipped. */
const MAX_RUNNING = 1_000;

const NO_FIELDS: LogFields = {};

/** What happened when a hook was called. */
export type HookResult<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

export interface PluginCallsSettings {
  readonly runner: CallOwner;
  readonly health: PluginHealth;
  readonly activity: Activity;
  /** Whether a hook is not to be called any more, as the plugin has stopped. */
  readonly isOver: (hook: string) => boolean;
  /** What calls wait for: the start of the plugin, `false` where it will never be. `undefined` once it has started. */
  readonly begun: () => Promise<boolean> | undefined;
}

/** The calls of a plugin: how many there may be, in which order, and what comes of those that fail. */
export class PluginCalls {
  readonly #settings: PluginCallsSettings;
  /** What messages have caused. */
  readonly queues = new PeerQueues();
  readonly #running = new Map<Call, Promise<unknown>>();
  /** How many were made so far. */
  count = 0;

  constructor(settings: PluginCallsSettings) {
    this.#settings = settings;
  }

  /** Calls in progress. */
  get underWay(): number {
    return this.#running.size;
  }

  /** The hooks and commands of the calls in progress, each once. */
  get hooks(): string[] {
    return [...new Set(Array.from(this.#running.keys(), ({ hook }) => hook))];
  }

  has(call: Call): boolean {
    return this.#running.has(call);
  }

  /** Calls something of the plugin that a message caused, when what its peer caused before has finished, or lets it pass. */
  dispatch({ from, number }: Cause, hook: string, run: () => unknown): void {
    const task = (): Promise<void> =>
      new Promise((letPass) => void this.make(hook, from, run, NO_FIELDS, number, letPass).then(() => letPass()));
    if (this.queues.run(from, task)) return;
    this.#settings.health.overloaded(hook);
  }

  /**
   * Calls a hook; never rejects. What it throws or rejects is logged with plugin, hook and peer.
   *
   * @param heard the number of the message that caused it
   * @param letPass lets what the peer has caused behind it begin
   */
  make<T>(
    hook: string,
    peer: string | undefined,
    run: () => Awaitable<T>,
    fields?: LogFields,
    heard?: number,
    letPass?: () => void,
  ): Promise<HookResult<T>> {
    const { runner, health, activity, isOver, begun } = this.#settings;
    const last = hook === 'onStop';
    // Schedules and timers have bounds of their own.
    if (this.#running.size >= MAX_RUNNING && !last && hook !== 'schedule' && hook !== 'timer') {
      health.overloaded(hook);
      return Promise.resolve({ ok: false, error: undefined });
    }
    const attempt = isOver(hook) ? undefined : health.breaker.attempt();
    if (!attempt && !last) {
      health.skipped();
      return Promise.resolve({ ok: false, error: undefined });
    }
    this.count += 1;
    const begin = (rest?: Rest): Promise<HookResult<T>> => {
      const call: Call = { runner, hook, peer, heard, rest, letPass };
      const running = withinCall(call, async (): Promise<HookResult<T>> => {
        const beginning = begun();
        if (beginning && !(await beginning)) return { ok: false, error: undefined };
        try {
          const value = await run();
          attempt?.succeeded();
          return { ok: true, value };
        } catch (error) {
          health.failed(error, { hook, peer, ...fields }, attempt);
          return { ok: false, error };
        }
      });
      this.#running.set(call, running);
      void running.then(() => {
        this.#running.delete(call);
        call.isOver = true;
      });
      return running;
    };
    // One with a private connection lasts as long as that is open, and mostly waits for the peer.
    return hook === 'onChannel' ? begin() : activity.during(begin);
  }

  /** Resolves when the calls in progress have ended, except those of one hook. */
  async ended(except?: string): Promise<void> {
    await Promise.all([...this.#running].flatMap(([{ hook }, running]) => (hook === except ? [] : [running])));
  }
}
