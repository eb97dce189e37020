import { ChatosClient, type ChatMessage } from '../client/client.ts';
import type { Channel } from '../client/channel.ts';
import type { PrivateRequest } from '../client/private-request.ts';
import type { ChatosError } from '../errors.ts';
import type { Address } from '../net/address.ts';
import { decide, type Policy } from '../policy/policy.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/log.ts';
import type { LoadedPlugin } from './loader.ts';
import type { IncomingRequest, Message } from './plugin.ts';
import { PluginRunner } from './plugin-runner.ts';
import { splitText } from './split-text.ts';

export interface AccountSettings {
  readonly server: Address;
  readonly login: string;
  readonly policy: Policy;
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

/** The hooks together may take this long to decide about a request; the server itself gives up after 60 s (P10). */
const DECISION_TIMEOUT_MS = 50_000;
/** Private requests that may wait for a decision at once. */
const MAX_DECISIONS = 100;

/** One login at one server, and the plugins that share it. */
export class Account {
  readonly #settings: AccountSettings;
  readonly #log: Logger;
  readonly #client: ChatosClient;
  readonly #runners: PluginRunner[] = [];
  #decisions = 0;
  #started = false;
  #stopping = false;
  /** Settles when the account has ended: with the error that it gave up on, or without. */
  readonly ended: Promise<ChatosError | undefined>;

  constructor(settings: AccountSettings) {
    const { login, server, log, waitForLogin } = settings;
    this.#settings = settings;
    this.#log = log.with({ login });
    this.#client = ChatosClient.create({ server, login, reconnect: true, waitForLogin });
    this.#client.on('message', (message) => this.#onMessage(message));
    this.#client.on('request', (request) => void this.#onRequest(request));
    this.#client.on('connected', () => this.#onConnected());
    this.#client.on('retrying', ({ error, delayMs }) => {
      this.#log.warn(`${error.message}; trying again in ${(delayMs / 1000).toFixed(1)} s`);
    });
    this.ended = new Promise((resolve) => this.#client.once('closed', resolve));
  }

  add(plugin: LoadedPlugin, options: Readonly<Record<string, unknown>>, directory: string): void {
    const { log, clock } = this.#settings;
    this.#runners.push(new PluginRunner(plugin, this.#client, { options, directory, log, clock }));
  }

  get channelCount(): number {
    return this.#client.channelCount;
  }

  /** Resolves when logged in. Throws what the client throws: `LOGIN_REFUSED` above all. */
  start(): Promise<void> {
    return this.#client.start();
  }

  /** Takes no new work and lets the plugins finish; resolves when they have. The session is still open. */
  async finish(): Promise<void> {
    this.#stopping = true;
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

  async #onRequest(request: PrivateRequest): Promise<void> {
    const runner = await this.#choose(request.from);
    if (!runner || this.#stopping) {
      request.refuse();
      return;
    }
    let channel: Channel;
    try {
      channel = runner.guard(await request.accept());
    } catch (error) {
      this.#log.info(`private connection with ${request.from} did not come about: ${(error as Error).message}`);
      return;
    }
    const { hooks } = runner.plugin;
    const result = await runner.call('onChannel', request.from, () => hooks.onChannel?.(channel, runner.bot));
    if (!result.ok) channel.destroy();
  }

  /** The plugin that takes the private connection, if the policy lets any of them. */
  async #choose(from: string): Promise<PluginRunner | undefined> {
    const { decision, rule } = decide(this.#settings.policy, from);
    const able = this.#runners.filter((runner) => runner.has('onChannel'));
    const refuse = (why: string): undefined => {
      this.#log.info('private request refused', { peer: from, why });
      return undefined;
    };
    if (this.#stopping) return refuse('stopping');
    if (decision === 'refuse') return refuse(rule);
    if (able.length === 0) return refuse('no plugin has onChannel');
    if (decision === 'accept') return able[0];
    if (this.#decisions >= MAX_DECISIONS) return refuse('too many requests wait for a decision');
    this.#decisions += 1;
    try {
      const deadline = Date.now() + DECISION_TIMEOUT_MS;
      for (const runner of able) if (await this.#ask(runner, from, deadline)) return runner;
    } finally {
      this.#decisions -= 1;
    }
    return refuse('no plugin wants it');
  }

  async #ask(runner: PluginRunner, from: string, deadline: number): Promise<boolean> {
    if (!runner.has('onPrivateRequest')) return false;
    const { hooks } = runner.plugin;
    let timer: NodeJS.Timeout | undefined;
    const decided = new Promise<boolean>((resolve) => {
      const request: IncomingRequest = { from, accept: () => resolve(true), refuse: () => resolve(false) };
      void runner
        .call('onPrivateRequest', from, () => hooks.onPrivateRequest?.(request, runner.bot))
        .then((result) => resolve(result.ok && result.value === true));
      timer = setTimeout(() => {
        this.#log.warn('onPrivateRequest took too long to decide', { plugin: runner.plugin.name, peer: from });
        resolve(false);
      }, deadline - Date.now());
    });
    return decided.finally(() => clearTimeout(timer));
  }
}
