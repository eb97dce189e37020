import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import { Activity } from '../bot/running/activity.ts';
import { createModuleLoader, type ModuleLoader } from '../bot/loading/module-loader.ts';
import type { BotEntry, RuntimeOptions } from '../bot/runtime-options.ts';
import { BotRuntime } from '../bot/runtime.ts';
import { ChatosClient } from '../client/client.ts';
import { ChatosError } from '../errors.ts';
import { formatAddress, type Address } from '../net/address.ts';
import { LOOPBACK } from '../net/networks.ts';
import { PLUGIN_MODULES } from '../plugin-modules.ts';
import { ChatosServer } from '../server/server.ts';
import { createLogger } from '../util/log.ts';
import { resolveOptions } from '../util/option-table.ts';
import { FakeClock } from './fake-clock.ts';
import {
  BOT_OPTIONS,
  NETWORK_OPTIONS,
  resolveTimeout,
  type TestBotOptions,
  type TestNetworkOptions,
} from './options.ts';
import { TestProxies, type Link } from './proxy.ts';
import { partyOfBots, partyOfUser, settle, settleWithin, type Party, type Settling } from './settle.ts';
import { loadUnderTest, STOP_TIMEOUT_MS, TestBot, type PluginUnderTest } from './test-bot.ts';
import { TestUser } from './test-user.ts';

/** The default start of a fake clock: noon of a Monday. */
const FAKE_START = '2026-01-05T12:00:00Z';
/** Bots reconnect soon after a connection was cut. */
const BACKOFF = { firstMs: 10, maxMs: 100 };
/** How long the bots may take to settle, in milliseconds. */
const DEFAULT_SETTLE_TIMEOUT_MS = 5_000;
/** The server sees a cut connection within microseconds; longer than this would be a bug. */
const CUT_TIMEOUT_MS = 1_000;
/** When the users have left, a bot's private connections end within so many milliseconds, or they do not end. */
const CHANNELS_END_MS = 100;

/**
 * A server on a free port of this machine, with bots and scripted users.
 *
 * @example
 * const net = await TestNetwork.start();
 * await net.bot('./bots/echo.ts');
 * const alice = await net.user('alice');
 * await alice.tell('echo', 'hi');
 * await alice.expects('alice: hi');
 * await net.stop();
 */
export class TestNetwork {
  /** The address of the server, as `tcp://127.0.0.1:40123`. */
  readonly server: string;
  readonly #server: ChatosServer;
  readonly #activity = new Activity();
  readonly #settling: Settling;
  readonly #clock: FakeClock | undefined;
  readonly #stateDirectory: string;
  readonly #temporary: boolean;
  readonly #proxies: TestProxies;
  readonly #parties = new Set<Party>();
  readonly #runtimes: BotRuntime[] = [];
  readonly #clients = new Set<ChatosClient>();
  #loader: ModuleLoader | undefined;
  #stopping: Promise<void> | undefined;

  private constructor(server: ChatosServer, address: Address, { clock = 'real', stateDirectory }: TestNetworkOptions) {
    this.#server = server;
    this.#proxies = new TestProxies(address);
    this.server = formatAddress(address);
    this.#temporary = stateDirectory === undefined;
    this.#stateDirectory = stateDirectory ?? path.join(tmpdir(), `chatosbot-test-${randomUUID()}`);
    const activity = this.#activity;
    this.#settling = {
      activity,
      parties: this.#parties,
      privateConnections: () => server.stats.connections - server.stats.clients,
    };
    if (clock === 'real') return;
    this.#clock = new FakeClock(clock === 'fake' ? FAKE_START : clock.start, {
      get begun() {
        return activity.begun;
      },
      settled: (signal) => settle(this.#settling, signal),
    });
  }

  /**
   * Starts the server.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT` if the clock's start is invalid, or there is no folder for temporary files
   *   and no `stateDirectory`
   */
  static async start(given?: TestNetworkOptions): Promise<TestNetwork> {
    const options = resolveOptions('network options', given, NETWORK_OPTIONS);
    // A store would create it, and nothing would remove it.
    if (options.stateDirectory === undefined && !existsSync(tmpdir())) {
      const message = `there is no folder ${tmpdir()} for the stores of the bots: set TMPDIR`;
      throw new ChatosError('INVALID_ARGUMENT', message, { fields: { directory: tmpdir() } });
    }
    const { longBytes = 4, limits, log, lookAlikes, relay } = options;
    const server = new ChatosServer({ limits: { exempt: LOOPBACK, ...limits }, log, lookAlikes, relay });
    const address = await server.listen({ host: '127.0.0.1', port: 0, longBytes });
    try {
      return new TestNetwork(server, address, options);
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  /**
   * The fake clock of the bots.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT` if they use the real one
   */
  get clock(): FakeClock {
    if (this.#clock) return this.#clock;
    throw new ChatosError('INVALID_ARGUMENT', "this network has the real clock: start it with { clock: 'fake' }");
  }

  /**
   * Loads a plugin file as `chatosbot run` does, or uses a plugin, and logs it in.
   *
   * @throws {ChatosError} `INVALID_PLUGIN`, `INVALID_CONFIG` with all errors in the options, or `LOGIN_REFUSED`
   */
  async bot(plugin: PluginUnderTest, given?: TestBotOptions): Promise<TestBot> {
    const { login: wanted, directory, options = {}, ...rest } = resolveOptions('bot options', given, BOT_OPTIONS);
    const loader = (this.#loader ??= createModuleLoader(PLUGIN_MODULES));
    const loaded = await loadUnderTest(plugin, options, loader);
    const login = wanted ?? loaded.plugin.name;
    const runtime = await this.run(login, [{ ...loaded, directory }], rest);
    return new TestBot({ login, source: plugin, options, runtime, loader, isFakeClock: this.#clock !== undefined });
  }

  /**
   * Logs in loaded plugins that share an account.
   *
   * @internal
   * @throws {ChatosError} `LOGIN_REFUSED`
   */
  async run(
    login: string,
    plugins: readonly Pick<BotEntry, 'plugin' | 'options' | 'directory'>[],
    options: RuntimeOptions = {},
  ): Promise<BotRuntime> {
    const proxy = await this.#proxies.open(login);
    const entries = plugins.map((plugin) => ({ ...plugin, server: proxy.address, login }));
    const runtime = new BotRuntime(entries, {
      ...options,
      flood: options.flood ?? false,
      loopGuard: options.loopGuard ?? false,
      stateDirectory: options.stateDirectory ?? this.#stateDirectory,
      log: options.log ?? createLogger({ level: 'warn' }),
      activity: this.#activity,
      backoff: BACKOFF,
      // Its messages would be among those that tests count, and a real clock has no place here.
      heartbeatMs: Infinity,
      clock: this.#clock,
    });
    this.#runtimes.push(runtime);
    await runtime.start();
    this.#parties.add(partyOfBots(runtime, proxy));
    return runtime;
  }

  /**
   * Logs a user in.
   *
   * @throws {ChatosError} `LOGIN_REFUSED` if the login is taken
   */
  async user(login: string): Promise<TestUser> {
    const client = await this.client(login);
    const user = new TestUser(client, () => this.settled());
    await client.start();
    return user;
  }

  /**
   * The client of a user that is not logged in yet, to add listeners before.
   *
   * @internal
   */
  async client(login: string): Promise<ChatosClient> {
    const proxy = await this.#proxies.open(login);
    const client = ChatosClient.create({ server: proxy.address, login });
    const party = partyOfUser(client, proxy);
    this.#clients.add(client);
    this.#parties.add(party);
    client.once('closed', () => {
      this.#clients.delete(client);
      this.#parties.delete(party);
    });
    return client;
  }

  /**
   * Resolves when every bot has handled all of its messages and its answers have arrived: when nothing more happens until
   * a user writes or time passes. It does not wait for calls that wait for a user (`ask`, `request`, `onChannel`) or for
   * the clock (flood limits, schedules); it does wait for bots that reconnect, and until no bytes of private connections
   * move.
   *
   * @throws {ChatosError} `TIMED_OUT` if a hook is still running, or bots answer each other without end
   */
  async settled(options?: { readonly timeoutMs?: number }): Promise<void> {
    await settleWithin(resolveTimeout('settled', options, DEFAULT_SETTLE_TIMEOUT_MS), this.#settling);
  }

  /**
   * Breaks the connections of a bot or a user (default: all of them), as a failing network does. Resolves when the server
   * has noticed. A bot reconnects, a user does not.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT` if nobody has that login
   */
  async cut(login: string, link: Link = 'all'): Promise<void> {
    const before = this.#server.stats.connections;
    const left = before - this.#proxies.get(login).cut(link);
    const deadline = performance.now() + CUT_TIMEOUT_MS;
    while (this.#server.stats.connections > left && performance.now() < deadline) await turn();
  }

  /**
   * Makes a bot or a user a slow reader: it stops reading from the server (default: on all of its connections) until
   * {@link TestNetwork.resume}. {@link TestNetwork.settled} does not wait for it meanwhile.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT` if nobody has that login
   */
  stall(login: string, link: Link = 'all'): void {
    this.#proxies.get(login).setStalled(link, true);
  }

  /**
   * Ends a {@link TestNetwork.stall}: what has waited arrives.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT` if nobody has that login
   */
  resume(login: string, link: Link = 'all'): void {
    this.#proxies.get(login).setStalled(link, false);
  }

  /** Ends users, bots and server, and removes the bots' stores. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** The same, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    this.#proxies.resume();
    await Promise.all([...this.#clients].map((client) => client.close().then(() => client.destroy())));
    // Hooks may finish. Private connections that a bot does not read would delay the test.
    const stop = (): Promise<unknown> =>
      Promise.all(this.#runtimes.map((runtime) => runtime.stop({ timeoutMs: STOP_TIMEOUT_MS, answersMs: 0 })));
    await Promise.race([stop(), this.#activity.idle().then(() => pause(CHANNELS_END_MS))]);
    await stop();
    await this.#server.close();
    await this.#proxies.close();
    if (this.#temporary) await rm(this.#stateDirectory, { recursive: true, force: true });
  }
}
