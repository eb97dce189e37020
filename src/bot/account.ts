import type { Channel } from '../client/channel.ts';
import { ChatosClient, type ChatMessage } from '../client/client.ts';
import type { ChatosError } from '../errors.ts';
import { formatAddress, type Address } from '../net/address.ts';
import type { Policy } from '../policy/policy.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/log.ts';
import type { ChannelLedger, OpenChannel } from './channel-ledger.ts';
import type { LoadedPlugin } from './loader.ts';
import type { Message } from './plugin.ts';
import { PluginRunner } from './plugin-runner.ts';
import { PrivateRequests } from './private-requests.ts';
import { splitText } from './split-text.ts';

export interface AccountSettings {
  readonly server: Address;
  readonly login: string;
  readonly policy: Policy;
  /** What counts for the limits of the policy: one for all accounts. */
  readonly ledger: ChannelLedger;
  readonly waitForLogin: boolean;
  readonly log: Logger;
  readonly clock: Clock;
  readonly onLogin: (account: LoggedIn) => void;
}

/** An account that has just logged in, and its plugins. */
export interface LoggedIn {
  readonly names: readonly string[];
  readonly login: string;
}

/** One login at one server, and the plugins that share it. */
export class Account {
  readonly #settings: AccountSettings;
  readonly #log: Logger;
  readonly #client: ChatosClient;
  readonly #requests: PrivateRequests;
  readonly #runners: PluginRunner[] = [];
  #started = false;
  #stopping = false;
  /** Settles when the account has ended: with the error that it gave up on, or without. */
  readonly ended: Promise<ChatosError | undefined>;

  constructor(settings: AccountSettings) {
    const { login, server, log, waitForLogin, policy, ledger, clock } = settings;
    this.#settings = settings;
    this.#log = log.with({ login });
    this.#client = ChatosClient.create({ server, login, reconnect: true, waitForLogin });
    const account = { server: formatAddress(server), login };
    this.#requests = new PrivateRequests({ account, policy, ledger, log: this.#log, clock });
    this.#client.on('message', (message) => this.#onMessage(message));
    this.#client.on('request', (request) => void this.#requests.handle(request, this.#runners));
    this.#client.on('connected', () => this.#onConnected());
    this.#client.on('retrying', ({ error, delayMs }) => {
      this.#log.warn(`${error.message}; trying again in ${(delayMs / 1000).toFixed(1)} s`);
    });
    this.ended = new Promise((resolve) => this.#client.once('closed', resolve));
  }

  add(plugin: LoadedPlugin, options: Readonly<Record<string, unknown>>, directory: string): void {
    const { log, clock } = this.#settings;
    const onRequested = (channel: Channel): void => this.#requests.adopt(channel, plugin.name);
    this.#runners.push(new PluginRunner(plugin, this.#client, { options, directory, log, clock, onRequested }));
  }

  get channelCount(): number {
    return this.#client.channelCount;
  }

  /** Its private connections that are open. */
  get channels(): readonly OpenChannel[] {
    return this.#requests.channels;
  }

  /** Resolves when logged in. Throws what the client throws: `LOGIN_REFUSED` above all. */
  start(): Promise<void> {
    return this.#client.start();
  }

  /** Takes no new work and lets the plugins finish; resolves when they have. The session is still open. */
  async finish(): Promise<void> {
    this.#stopping = true;
    this.#requests.stop();
    if (this.#started) await Promise.all(this.#runners.map((runner) => runner.stop()));
  }

  /** Resolves when no private connection is open. */
  channelsClosed(): Promise<void> {
    return this.#client.channelsClosed();
  }

  /** Breaks channels and session at once. */
  abort(): void {
    void this.#client.destroy();
  }

  /** Ends the session; channels that are still open are broken. */
  async close(): Promise<void> {
    if (this.#client.connected) await this.#client.close();
    await this.#client.destroy();
  }

  #onConnected(): void {
    const { login, onLogin } = this.#settings;
    onLogin({ names: this.#runners.map(({ plugin }) => plugin.name), login });
    if (this.#started || this.#stopping) return;
    this.#started = true;
    for (const runner of this.#runners) {
      const { hooks } = runner.plugin;
      if (runner.has('onStart')) void runner.call('onStart', undefined, () => hooks.onStart?.(runner.bot));
    }
  }

  #onMessage({ from, text, private: isPrivate, own }: ChatMessage): void {
    if (own || this.#stopping) return;
    const message: Message = {
      from,
      text,
      private: isPrivate,
      reply: async (answer) => {
        for (const part of splitText(answer)) {
          await (isPrivate ? this.#client.tell(from, part) : this.#client.say(part));
        }
      },
    };
    for (const runner of this.#runners) {
      const { hooks } = runner.plugin;
      if (runner.has('onMessage')) void runner.call('onMessage', from, () => hooks.onMessage?.(message, runner.bot));
    }
  }
}
