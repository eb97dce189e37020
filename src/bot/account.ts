import type { Backoff } from '../client/backoff.ts';
import type { Channel } from '../client/channel.ts';
import { ChatosClient, type ChatMessage } from '../client/client.ts';
import { DEFAULT_REQUEST_TIMEOUT_MS, type RequestOptions } from '../client/options.ts';
import { ChatosError, isChatosError } from '../errors.ts';
import { startWaiting, withEither } from '../client/wait.ts';
import { formatAddress, type Address } from '../net/address.ts';
import type { Policy } from '../policy/policy.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/log.ts';
import type { Activity } from './activity.ts';
import type { ChannelLedger } from './channel-ledger.ts';
import type { BreakerLimits } from './circuit-breaker.ts';
import { CommandRouter } from './command-router.ts';
import type { Message } from './context.ts';
import type { OfAccount, RuntimeObserver } from './events.ts';
import type { FloodLimits } from './flood-limits.ts';
import { LoopGuard, type LoopLimits } from './loop-guard.ts';
import { Outbox } from './outbox.ts';
import { awaitPeer, currentCall, type Cause } from './current-call.ts';
import type { AccountServices } from './plugin-context.ts';
import { PluginRunner } from './plugin-runner.ts';
import type { LoadedPlugin } from './plugin-shape.ts';
import { DEFAULT_ASK_TIMEOUT_MS, Questions } from './questions.ts';
import { PrivateRequests } from './private-requests.ts';
import { splitText } from './split-text.ts';
import type { AccountStatus } from './status.ts';
import type { PluginStore } from './store.ts';

export interface AccountSettings {
  readonly server: Address;
  readonly login: string;
  readonly policy: Policy;
  /** What counts for the limits of the policy: one for all accounts. */
  readonly ledger: ChannelLedger;
  readonly standby: boolean;
  /** The pauses before a lost connection is made again. */
  readonly backoff: Partial<Backoff>;
  readonly commandPrefix: string;
  readonly floodLimits: FloodLimits;
  /** `undefined` for no guard. */
  readonly loopLimits: LoopLimits | undefined;
  readonly breaker: BreakerLimits;
  readonly log: Logger;
  readonly clock: Clock;
  readonly observer: RuntimeObserver;
  readonly activity: Activity;
  readonly onLogin: (account: LoggedIn) => void;
}

/** An account that has just logged in, and its plugins. */
export interface LoggedIn {
  /** The names of its plugins. */
  readonly names: readonly string[];
  /** Who it is. */
  readonly login: string;
  /** Where it is. */
  readonly server: Address;
}

/** One plugin of an account: what stays when the plugin is replaced by a newer version of itself. */
export interface Seat {
  readonly directory: string;
  readonly store: PluginStore;
}

/** While its login is taken, a standby tries again after so long: a takeover is a matter of seconds. */
const STANDBY_BACKOFF = { firstMs: 500, maxMs: 2_000 };

/** One login at one server, and the plugins that share it. */
export class Account {
  readonly #settings: AccountSettings;
  readonly #log: Logger;
  readonly #client: ChatosClient;
  readonly #outbox: Outbox;
  readonly #questions: Questions;
  readonly #guard: LoopGuard | undefined;
  readonly #commands: CommandRouter;
  readonly #requests: PrivateRequests;
  readonly #runners: PluginRunner[] = [];
  readonly #seats = new Map<PluginRunner, Seat>();
  readonly #place: OfAccount;
  /** What older versions of plugins still have to do. */
  readonly #leaving = new Set<Promise<void>>();
  readonly #ending = new Set<Promise<void>>();
  #heard = 0;
  #started = false;
  #stopping = false;
  #finishing: Promise<void> | undefined;
  #state: AccountStatus['state'] = 'connecting';
  #since: Date;
  #problem: string | undefined;
  /** Settles when the account has ended: with the error that it gave up on, or without. */
  readonly ended: Promise<ChatosError | undefined>;

  constructor(settings: AccountSettings) {
    const { login, server, log, standby, backoff, clock } = settings;
    this.#settings = settings;
    this.#log = log.with({ login });
    this.#since = clock.now();
    this.#client = ChatosClient.create({
      server,
      login,
      reconnect: standby ? STANDBY_BACKOFF : backoff,
      waitForLogin: standby,
    });
    const client = this.#client;
    this.#outbox = new Outbox(
      {
        get connected() {
          return client.connected;
        },
        send: (to, text) => (to === undefined ? client.say(text) : client.tell(to, text)),
      },
      settings.floodLimits,
      clock,
    );
    this.#questions = new Questions(clock);
    this.#guard = settings.loopLimits && new LoopGuard(settings.loopLimits);
    this.#commands = new CommandRouter(settings.commandPrefix, () => this.#runners, this.#log);
    const { policy, ledger, observer, activity } = settings;
    this.#place = { server: formatAddress(server), login };
    const requests = { account: this.#place, policy, ledger, observer, activity, log: this.#log, clock };
    this.#requests = new PrivateRequests(requests);
    client.on('message', (message) => this.#onMessage(message));
    client.on('request', (request) => void this.#requests.handle(request, this.#runners));
    client.on('connected', () => this.#onConnected());
    client.on('disconnected', (error) => this.#enter('connecting', error));
    client.on('retrying', ({ error, delayMs }) => {
      const taken = standby && isChatosError(error, 'LOGIN_REFUSED');
      if (!taken) this.#log.warn(`${error.message}; trying again in ${(delayMs / 1000).toFixed(1)} s`);
      else if (this.#state !== 'standby') this.#log.info('standing by: the login is taken');
      this.#enter(taken ? 'standby' : 'connecting', error);
    });
    this.ended = new Promise((resolve) => client.once('closed', resolve));
    void this.ended.then((error) => {
      this.#enter('ended', error);
      // At the start, whoever started it is told.
      if (!error || !this.#started) return;
      this.#log.error(`given up: ${error.message}`, { code: error.code });
      // Nobody hears the plugins any more: their schedules must not go on.
      this.#outbox.close();
      void this.finish();
    });
  }

  /** Adds a plugin, which begins when the account has logged in. */
  add(plugin: LoadedPlugin, options: Readonly<Record<string, unknown>>, seat: Seat): PluginRunner {
    const runner = this.#createRunner(plugin, options, seat);
    this.#runners.push(runner);
    return runner;
  }

  /**
   * Puts a newer version of a plugin in the place of the old one, which hears nothing more; its channels go on. Resolves
   * to the new one when what was under way in the old one has finished or its time is up; what is heard meanwhile waits
   * for the new one's start. From then on the old one can say nothing more, but over private connections that it has.
   */
  async replace(
    old: PluginRunner,
    plugin: LoadedPlugin,
    options: Readonly<Record<string, unknown>>,
    drained: (work: Promise<void>) => Promise<void>,
  ): Promise<PluginRunner> {
    const runner = this.#createRunner(plugin, options, this.#seats.get(old)!);
    this.#runners.splice(this.#runners.indexOf(old), 1, runner);
    this.#seats.delete(old);
    const { unrun } = old;
    const leaving = old.leave();
    this.#leaving.add(leaving);
    void leaving.then(() => this.#leaving.delete(leaving));
    await drained(leaving);
    old.end();
    this.#end(old.plugin);
    if (this.#started && !this.#stopping) runner.start(unrun);
    return runner;
  }

  get channelCount(): number {
    return this.#client.channelCount;
  }

  /** Resolves when logged in. Throws what the client throws: `LOGIN_REFUSED` above all. */
  start(): Promise<void> {
    return this.#client.start();
  }

  /**
   * Takes no new work and lets the plugins finish; resolves when they have, and what they said is on its way. The session
   * is still open.
   */
  finish(): Promise<void> {
    this.#finishing ??= this.#finish();
    return this.#finishing;
  }

  async #finish(): Promise<void> {
    this.#stopping = true;
    this.#settings.observer({ type: 'stopping', ...this.#place });
    this.#requests.stop();
    await Promise.all([...this.#runners.map((runner) => runner.stop()), ...this.#leaving]);
    if (this.#client.connected) await this.#outbox.emptied();
  }

  /** Resolves when no private connection is open. */
  channelsClosed(): Promise<void> {
    return this.#client.channelsClosed();
  }

  /**
   * Resolves when the server has had what was said until now, and what it had for this account until then has been heard;
   * where the connection is lost, when it is there again.
   *
   * @throws {ChatosError} `ABORTED` where the account has ended, or by the signal
   */
  async synchronise(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#reached(signal);
      try {
        await this.#client.roundTrip({ timeoutMs: Infinity, signal });
        return;
      } catch (error) {
        if (!isChatosError(error, 'CONNECTION_LOST') && !isChatosError(error, 'NOT_CONNECTED')) throw error;
      }
    }
  }

  /** Breaks channels and session at once. */
  abort(): void {
    void this.#client.destroy();
  }

  /** Ends the session; channels that are still open are broken. */
  async close(): Promise<void> {
    for (const runner of this.#runners) runner.end();
    this.#outbox.close();
    if (this.#client.connected) await this.#client.close();
    await this.#client.destroy();
    for (const { plugin } of this.#runners) this.#end(plugin);
    await Promise.all(this.#ending);
    await Promise.all([...this.#seats.values()].map(({ store }) => store.close()));
  }

  /** A worker thread that the plugin runs in lives until its private connections are closed: nobody waits for that here. */
  #end(plugin: LoadedPlugin): void {
    const ending = plugin.close?.();
    if (!ending) return;
    this.#ending.add(ending);
    void ending.then(() => this.#ending.delete(ending));
  }

  get status(): AccountStatus {
    const { waiting, sent, dropped } = this.#outbox;
    const { login, server, clock } = this.#settings;
    return {
      login,
      server: formatAddress(server),
      state: this.#state,
      since: this.#since,
      problem: this.#problem,
      plugins: this.#runners.map((runner) => runner.status),
      channels: this.#requests.channels.map(({ peer, bot, role, openedAt, bytesIn, bytesOut }) => {
        return { peer, bot, role, openedAt, bytesReceived: bytesIn, bytesSent: bytesOut };
      }),
      channelTotals: this.#requests.channelTotals,
      messages: { heard: this.#heard, sent, waiting, dropped },
      muted: this.#guard?.muted(clock.now().getTime()) ?? [],
    };
  }

  #createRunner(plugin: LoadedPlugin, options: Readonly<Record<string, unknown>>, seat: Seat): PluginRunner {
    const { log, clock, breaker, activity, login } = this.#settings;
    const bot = plugin.name;
    const services: AccountServices = {
      ...this.#place,
      speak: (to, text) => this.#speak(to, text, { bot }),
      ask: (peer, question, { signal, timeoutMs = DEFAULT_ASK_TIMEOUT_MS }) => {
        const put = (): Promise<void> => this.#speak(peer, question, { bot });
        return awaitPeer(this.#questions.ask(peer, true, { put, signal, timeoutMs }));
      },
      request: (peer, asked) => {
        const channel = this.#request(peer, asked, bot);
        // Who has a channel works on it for as long as it is open, mostly by waiting for the peer.
        void awaitPeer(channel.then(closed, () => undefined));
        return channel;
      },
    };
    const runner = new PluginRunner(plugin, services, {
      options,
      directory: seat.directory,
      log: log.with({ login }),
      clock,
      store: seat.store,
      breaker,
      activity,
    });
    this.#seats.set(runner, seat);
    return runner;
  }

  /** Resolves when there is a connection. */
  async #reached(signal: AbortSignal): Promise<void> {
    if (this.#client.connected) return;
    const waiting = startWaiting<void>({ timeoutMs: Infinity, signal, what: 'no connection' });
    const onEnd = (error?: ChatosError): void =>
      waiting.reject(error ?? new ChatosError('ABORTED', `${this.#client.login} has logged out`));
    const onConnected = (): void => waiting.resolve();
    this.#client.once('connected', onConnected).once('closed', onEnd);
    if (this.#state === 'ended') onEnd();
    try {
      await waiting.promise;
    } finally {
      this.#client.off('connected', onConnected).off('closed', onEnd);
    }
  }

  #onConnected(): void {
    const { login, server, onLogin, observer } = this.#settings;
    const names = this.#runners.map(({ plugin }) => plugin.name);
    this.#enter('connected', undefined);
    observer({ type: 'connected', ...this.#place, bots: names });
    onLogin({ names, login, server });
    this.#outbox.connected();
    if (this.#started || this.#stopping) return;
    this.#started = true;
    for (const runner of this.#runners) runner.start();
  }

  #enter(state: AccountStatus['state'], error: ChatosError | undefined): void {
    this.#problem = error?.message;
    if (state === this.#state) return;
    this.#state = state;
    this.#since = this.#settings.clock.now();
  }

  #onMessage({ from, text, private: isPrivate, own }: ChatMessage): void {
    if (own || this.#stopping) return;
    this.#heard += 1;
    const said = text.startsWith(this.#settings.commandPrefix) ? undefined : text;
    const verdict = this.#guard?.heard(from, said, this.#settings.clock.now().getTime()) ?? 'pass';
    if (verdict === 'muted') {
      const why = 'it answers every answer: not heard until it has been silent for a while';
      this.#log.warn(`${from} seems to be a bot; ${why}`, { peer: from });
    }
    if (verdict !== 'pass') return;
    const cause: Cause = { from, number: this.#heard };
    this.#settings.observer({ type: 'heard', ...this.#place, ...cause, private: isPrivate, text });
    const message: Message = {
      from,
      text,
      private: isPrivate,
      reply: (answer) => this.#speak(isPrivate ? from : undefined, answer, { cause }),
      ask: (question, { timeoutMs = DEFAULT_ASK_TIMEOUT_MS, signal } = {}) => {
        const put = (): Promise<void> => this.#speak(isPrivate ? from : undefined, question, { cause });
        return awaitPeer(this.#questions.ask(from, isPrivate, { put, signal, timeoutMs }));
      },
    };
    const whisper = (answer: string): Promise<void> => this.#speak(from, answer, { cause });
    if (this.#questions.take(message) || this.#commands.take({ message, cause, whisper })) return;
    for (const runner of this.#runners) {
      const { onMessage } = runner.plugin.hooks;
      if (onMessage)
        runner.calls.dispatch(cause, 'onMessage', () => onMessage(runner.given.bind(message), runner.context));
    }
  }

  /** What is not known of who says it and why is what the call is about that is running. */
  async #speak(to: string | undefined, text: string, known: { bot?: string; cause?: Cause } = {}): Promise<void> {
    const call = currentCall();
    const { bot = call?.runner.plugin.name, cause: { from: cause, number: answers } = causeOf(call) } = known;
    if (cause !== undefined) this.#guard?.answered(cause, text, this.#settings.clock.now().getTime());
    this.#settings.observer({ type: 'said', ...this.#place, bot, to, text, cause, answers });
    const work = this.#settings.activity.begin();
    const whileHeld = (wait: Promise<void>): Promise<void> => work.rest(awaitPeer(wait));
    try {
      await this.#outbox.send(to, splitText(text), whileHeld);
    } finally {
      work.end();
    }
  }

  /** Asks a peer for a private connection; its time is that of the runtime's clock. */
  async #request(peer: string, options: RequestOptions & { signal: AbortSignal }, bot: string): Promise<Channel> {
    const { timeoutMs = DEFAULT_REQUEST_TIMEOUT_MS, signal } = options;
    const { clock, observer } = this.#settings;
    const late = new AbortController();
    const cancel = clock.after(timeoutMs, () => {
      const message = `no private connection with ${peer} within ${timeoutMs / 1000} s`;
      late.abort(new ChatosError('TIMED_OUT', message, { fields: { peer, timeoutMs } }));
    });
    try {
      const channel = await withEither(signal, late.signal, (either) =>
        this.#client.request(peer, { timeoutMs: Infinity, signal: either }),
      );
      observer({ type: 'requested', ...this.#place, to: peer, outcome: 'opened' });
      this.#requests.adopt(channel, bot);
      return channel;
    } catch (error) {
      if (isChatosError(error)) observer({ type: 'requested', ...this.#place, to: peer, outcome: error.code });
      throw error;
    } finally {
      cancel();
    }
  }
}

function causeOf(call: ReturnType<typeof currentCall>): Partial<Cause> {
  const { peer: from, heard: number } = call ?? {};
  return { ...(from !== undefined && { from }), ...(number !== undefined && { number }) };
}

function closed(channel: Channel): Promise<void> | undefined {
  return channel.destroyed ? undefined : new Promise((resolve) => channel.once('close', () => resolve()));
}
