import { isChatosError, type ChatosError } from '../errors.ts';
import { formatAddress, type Address } from '../net/address.ts';
import { AccountPlugins } from './account-plugins.ts';
import { AccountSession, type AccountSessionSettings } from './account-session.ts';
import type { Activity } from './running/activity.ts';
import type { ChannelLedger } from './channels/channel-ledger.ts';
import type { BreakerLimits } from './running/circuit-breaker.ts';
import type { OfAccount, RuntimeObserver } from './events.ts';
import type { FloodLimits } from './messages/flood-limits.ts';
import { MessageDispatcher } from './messages/message-dispatcher.ts';
import { LoopGuard, type LoopLimits } from './messages/loop-guard.ts';
import { OpenChannels } from './channels/open-channels.ts';
import { OutgoingRequests } from './channels/outgoing-requests.ts';
import type { AccountServices } from './running/plugin-context.ts';
import type { PluginRunner } from './running/plugin-runner.ts';
import { PrivateRequests } from './channels/private-requests.ts';
import { Questions } from './messages/questions.ts';
import type { AccountStatus } from './status.ts';
import { MessageSender } from './messages/message-sender.ts';

export interface AccountSettings extends AccountSessionSettings {
  /** What counts for the limits of the policy: one for all accounts. */
  readonly ledger: ChannelLedger;
  readonly commandPrefix: string;
  readonly flood: FloodLimits;
  /** `undefined` for no guard. */
  readonly loopGuard: LoopLimits | undefined;
  readonly breaker: BreakerLimits;
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

/** One login at one server, and the plugins that share it. */
export class Account {
  readonly #settings: AccountSettings;
  readonly #place: OfAccount;
  readonly #session: AccountSession;
  readonly #guard: LoopGuard | undefined;
  readonly #sender: MessageSender;
  readonly #dispatcher: MessageDispatcher;
  /** Its private connections, including those that its bots asked for. */
  readonly #channels: OpenChannels;
  readonly #requests: PrivateRequests;
  readonly #outgoing: OutgoingRequests;
  /** The plugins that share it. */
  readonly plugins: AccountPlugins;
  #finishing: Promise<void> | undefined;

  constructor(settings: AccountSettings) {
    const { login, server, clock } = settings;
    const log = settings.log.with({ login });
    this.#settings = settings;
    this.#place = { server: formatAddress(server), login };
    this.#session = new AccountSession({ ...settings, log });
    this.#guard = settings.loopGuard && new LoopGuard(settings.loopGuard);
    const { client } = this.#session;
    const questions = new Questions(clock);
    const shared = { ...settings, account: this.#place, client, log, guard: this.#guard, questions };
    this.plugins = new AccountPlugins({ ...shared, servicesFor: (bot) => this.#servicesFor(bot) });
    const runners = (): readonly PluginRunner[] => this.plugins.runners;
    this.#sender = new MessageSender(shared);
    this.#dispatcher = new MessageDispatcher({ ...shared, sender: this.#sender, runners });
    this.#channels = new OpenChannels(shared);
    this.#requests = new PrivateRequests({ ...shared, channels: this.#channels });
    this.#outgoing = new OutgoingRequests({ ...shared, channels: this.#channels });
    client.on('message', (message) => this.#dispatcher.dispatch(message));
    client.on('request', (request) => void this.#requests.handle(request, runners()));
    client.on('connected', () => this.#onConnected());
    client.on('retrying', ({ error }) => {
      if (!settings.standby || !isChatosError(error, 'LOGIN_REFUSED')) return;
      this.plugins.stepDown();
      // It may be said by the other one; here it would keep the plugins, and their stores, from ending.
      this.#sender.outbox.silence();
    });
    void this.ended.then((error) => {
      // At the start, the caller gets the error.
      if (!error || !this.plugins.started) return;
      log.error(`account ended: ${error.message}`, { code: error.code });
      // The plugins can no longer send anything: their schedules must end.
      this.#sender.outbox.close();
      void this.finish();
    });
  }

  /** Settles when the account has ended: with the error that it gave up on, or without. */
  get ended(): Promise<ChatosError | undefined> {
    return this.#session.ended;
  }

  get channelCount(): number {
    return this.#session.client.channelCount;
  }

  /** Resolves when logged in. Throws what the client throws: `LOGIN_REFUSED` above all. */
  start(): Promise<void> {
    return this.#session.client.start();
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
    this.#dispatcher.stop();
    this.#settings.observer({ type: 'stopping', ...this.#place });
    this.#requests.stop();
    await this.plugins.stop();
    if (this.#session.client.connected) await this.#sender.outbox.emptied();
  }

  /** Resolves when no private connection is open. */
  channelsClosed(): Promise<void> {
    return this.#session.client.channelsClosed();
  }

  /**
   * Resolves when the server has had what was said until now, and what it had for this account until then has been heard;
   * where the connection is lost, when it is there again.
   *
   * @throws {ChatosError} `ABORTED` where the account has ended, or by the signal
   */
  synchronise(signal: AbortSignal): Promise<void> {
    return this.#session.synchronise(signal);
  }

  /** Breaks channels and session at once. */
  abort(): void {
    void this.#session.client.destroy();
  }

  /** Ends the session; channels that are still open are broken. */
  async close(): Promise<void> {
    this.plugins.end();
    this.#sender.outbox.close();
    await this.#session.close();
    await this.plugins.close();
  }

  get status(): AccountStatus {
    return {
      login: this.#place.login,
      server: this.#place.server,
      ...this.#session.status,
      plugins: this.plugins.status,
      channels: this.#channels.status,
      channelTotals: this.#channels.totals,
      messages: { heard: this.#dispatcher.count, ...this.#sender.outbox.counts },
      muted: this.#guard?.muted(this.#settings.clock.now().getTime()) ?? [],
    };
  }

  #servicesFor(bot: string): AccountServices {
    const known = { bot };
    return {
      ...this.#place,
      speak: (to, text) => this.#sender.speak(to, text, known),
      ask: (peer, question, options) => this.#sender.ask(peer, true, question, options, known),
      request: (peer, options) => this.#outgoing.make(peer, options, bot),
    };
  }

  #onConnected(): void {
    const { login, server, onLogin, observer } = this.#settings;
    const names = this.plugins.runners.map(({ plugin }) => plugin.name);
    observer({ type: 'connected', ...this.#place, bots: names });
    onLogin({ names, login, server });
    this.#sender.outbox.connected();
    this.plugins.connected();
  }
}
