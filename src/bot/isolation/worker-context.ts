import { setMaxListeners } from 'node:events';
import type { Channel } from '../../client/channel.ts';
import { ChatosError } from '../../errors.ts';
import type { Tick } from '../../schedule/run-queue.ts';
import { parseSchedule, type ScheduleSpec } from '../../schedule/schedule.ts';
import type { AskOptions, Awaitable, Context, Message, PlainOptions } from '../plugin/context.ts';
import type { ScheduledTask } from '../plugin/plugin.ts';
import { textArgument } from '../plugin/text-argument.ts';
import { receiveChannel } from './channel-relay.ts';
import { OUTSIDE_OF_HOOKS } from '../running/current-call.ts';
import type { CallScope, ContextStart, CrossingMessage } from './contract.ts';
import { createWorkerLogger } from './worker-log.ts';
import { WorkerStore, type WorkerStoreParts } from './worker-store.ts';

type Parts = Omit<WorkerStoreParts, 'scope'> & {
  /** The call of the plugin that is under way, if any is. */
  readonly scope: () => CallScope | undefined;
  /** What escaped from the plugin. */
  readonly stray: (error: unknown) => void;
  /** What the channel's listeners do belongs to the call. */
  readonly own: (channel: Channel, scope: CallScope) => Channel;
};

/** What the plugin itself makes of its options. */
interface Prepared {
  readonly options: PlainOptions;
  readonly tasks: ReadonlyMap<string, ScheduledTask>;
}

type Job = (tick: Tick) => Awaitable<void>;

/** The double of a context in the worker: everything that it does is done by the main thread. */
export class WorkerContext {
  readonly context: Context;
  /** What the plugin does at fixed times, by name. */
  readonly tasks: Prepared['tasks'];
  readonly #parts: WorkerStoreParts;
  readonly #abort = new AbortController();
  /** Why the signal fires: as in the main thread. */
  readonly #stops: ChatosError;
  readonly #jobs = new Map<number, Job>();
  readonly #jobNames: Set<string>;
  #lastJob = 0;

  constructor(start: ContextStart, { options, tasks }: Prepared, parts: Parts) {
    this.tasks = tasks;
    const outside: CallScope = {
      context: start.context,
      call: 0,
      hook: OUTSIDE_OF_HOOKS,
      peer: undefined,
      heard: undefined,
    };
    const own = (): CallScope => {
      const scope = parts.scope();
      return scope?.context === start.context ? scope : outside;
    };
    this.#parts = { ...parts, scope: own };
    this.#jobNames = new Set(tasks.keys());
    const { signal } = this.#abort;
    setMaxListeners(0, signal);
    const { name, login, server, directory } = start;
    this.#stops = new ChatosError('ABORTED', `${name} stops`);
    if (start.aborted) this.abort();
    this.context = {
      name,
      login,
      server,
      directory,
      options,
      signal,
      log: createWorkerLogger(parts.calls, own),
      store: new WorkerStore(this.#parts),
      say: async (text) => this.#speak(undefined, textArgument('text', text)),
      tell: async (to, text) => this.#speak(textArgument('login', to), textArgument('text', text)),
      ask: async (peer, question, asked = {}) =>
        this.#ask(undefined, textArgument('login', peer), textArgument('question', question), asked),
      request: async (peer, { timeoutMs, signal: given } = {}): Promise<Channel> => {
        const args = { scope: own(), peer: textArgument('login', peer), timeoutMs };
        return parts.own(receiveChannel(await parts.calls.call('openChannel', args, given)), args.scope);
      },
      schedule: ({ name: job, ...when }, run) => {
        if (!signal.aborted) this.#schedule(job, when, run, parts.stray);
      },
    };
  }

  /** The main thread's signal has fired. */
  abort(): void {
    this.#abort.abort(this.#stops);
  }

  /** A message as hooks and commands get it. */
  message(message: CrossingMessage): Message {
    const { id, from, text, private: isPrivate } = message;
    const { calls, scope } = this.#parts;
    return {
      from,
      text,
      private: isPrivate,
      reply: async (answer) => {
        await calls.call('reply', { scope: scope(), message, text: textArgument('text', answer) });
      },
      ask: async (question, options = {}) => this.#ask(id, from, textArgument('question', question), options),
    };
  }

  /** A job that a hook made is due. */
  async runJob(job: number, tick: Tick): Promise<void> {
    await this.#jobs.get(job)?.(tick);
  }

  async #speak(to: string | undefined, text: string): Promise<void> {
    const { calls, scope } = this.#parts;
    await calls.call('speak', { scope: scope(), to, text });
  }

  async #ask(message: number | undefined, peer: string, question: string, options: AskOptions): Promise<Message> {
    const { calls, scope } = this.#parts;
    const { timeoutMs, signal } = options;
    const args = { scope: scope(), message, peer, question: question, timeoutMs };
    return this.message(await calls.call('ask', args, signal));
  }

  /** What is wrong with the schedule must be thrown at once, so it is looked at here too. */
  #schedule(name: string | undefined, when: ScheduleSpec, run: Job, stray: (error: unknown) => void): void {
    parseSchedule(when);
    if (name !== undefined) {
      if (this.#jobNames.has(name)) {
        throw new ChatosError('INVALID_ARGUMENT', `there is a job named '${name}' already`);
      }
      this.#jobNames.add(name);
    }
    const { calls, scope } = this.#parts;
    const job = (this.#lastJob += 1);
    this.#jobs.set(job, run);
    const { cron, timeZone, catchUp, overlap } = when;
    const args = { scope: scope(), job, name, when: { cron, timeZone, catchUp, overlap } };
    calls.call('schedule', args).catch((error: unknown) => {
      this.#jobs.delete(job);
      if (name !== undefined) this.#jobNames.delete(name);
      stray(error);
    });
  }
}
