import type { ChatosClient } from '../client/client.ts';
import { isChatosError } from '../errors.ts';
import { formatAddress } from '../net/address.ts';
import { formatAddresses } from '../net/address-list.ts';
import { AccountPlugins } from './account-plugins.ts';
import { AccountSession, type AccountSettings } from './account-session.ts';
import type { OfAccount } from './events.ts';
import { MessageDispatcher } from './messages/message-dispatcher.ts';
import { LoopGuard } from './messages/loop-guard.ts';
import { OpenChannels } from './channels/open-channels.ts';
import { OutgoingRequests } from './channels/outgoing-requests.ts';
import type { AccountServices } from './running/plugin-context.ts';
import type { PluginRunner } from './running/plugin-runner.ts';
import { PrivateRequests } from './channels/private-requests.ts';
import { Questions } from './messages/questions.ts';
import type { AccountStatus } from './status.ts';
import { MessageSender } from './messages/message-sender.ts';

/** One login at one server, and the plugins that share it. */
export class Account {
  readonly #settings: AccountSettings;
  readonly #place: OfAccount;
  readonly session: AccountSession;
  readonly client: ChatosClient;
  readonly #guard: LoopGuard | undefined;
  readonly #questions: Questions;
  readonly #sender: MessageSender;
  readonly #dispatcher: MessageDispatcher;
  /** Its private connections, including those that its bots asked for. */
  readonly #channels: OpenChannels;
  readonly #requests: PrivateRequests;
  readonly #outgoing: OutgoingRequests;
  readonly plugins: AccountPlugins;
  #finishing: Promise<void> | undefined;

  constructor(settings: AccountSettings) {
    const { login, server, clock } = settings;
    const log = settings.log.with({ login });
    this.#settings = settings;
    this.#place = { server: formatAddresses(server), login };
    this.session = new AccountSession({ ...settings, log });
    this.#guard = settings.loopGuard && new LoopGuard(settings.loopGuard);
    const { client } = this.session;
    this.client = client;
    this.#questions = new Questions(clock);
    const shared = { ...settings, account: this.#place, client, log, guard: this.#guard, questions: this.#questions };
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
    client.on('resumed', () => client.connected && this.#sender.outbox.connected());
    client.on('retrying', ({ error }) => {
      if (!settings.standby || !isChatosError(error, 'LOGIN_REFUSED')) return;
      this.plugins.stepDown();
      // It may be said by the other one; here it would keep the plugins, and their stores, from ending.
      this.#sender.outbox.silence();
    });
    void this.session.ended.then((error) => {
      // At the start, the caller gets the error.
      if (!error || !this.plugins.started) return;
      log.error(`account ended: ${error.message}`, { code: error.code });
      // The plugins can no longer send anything: their schedules must end.
      this.#sender.outbox.close();
      void this.finish(0);
    });
  }

  /**
   * Takes no new work and lets the plugins finish; resolves when they have, and what they said is on its way. The session
   * is still open.
   *
   * @param answersMs how long questions may still be answered
   */
  finish(answersMs: number): Promise<void> {
    this.#finishing ??= this.#finish(answersMs);
    return this.#finishing;
  }

  async #finish(answersMs: number): Promise<void> {
    this.#dispatcher.drain();
    this.#settings.observer({ type: 'stopping', ...this.#place });
    this.#requests.stop();
    await this.plugins.stop(answersMs);
    if (this.client.connected) await this.#sender.outbox.emptied();
  }

  /** Ends the session; channels that are still open are broken. */
  async close(): Promise<void> {
    this.plugins.end();
    this.#sender.outbox.close();
    await this.session.close();
    await this.plugins.close();
  }

  get status(): AccountStatus {
    return {
      login: this.#place.login,
      server: formatAddress(this.client.server),
      ...this.session.status,
      plugins: this.plugins.status,
      channels: this.#channels.status,
      channelTotals: this.#channels.totals,
      messages: { heard: this.#dispatcher.count, ...this.#sender.outbox.counts },
      questions: this.#questions.count,
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
    const { login, onLogin, observer } = this.#settings;
    const names = this.plugins.runners.map(({ plugin }) => plugin.name);
    const files = this.plugins.runners.map(({ plugin }) => plugin.file);
    observer({ type: 'connected', ...this.#place, bots: names, files });
    onLogin({ names, login, server: this.client.server });
    this.#sender.outbox.connected();
    this.plugins.connected();
  }
}
