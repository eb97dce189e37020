import { loadPlugin } from '../bot/loader.ts';
import { createModuleLoader } from '../bot/module-loader.ts';
import { readPlugin } from '../bot/plugin-shape.ts';
import type { BotPlugin } from '../bot/plugin.ts';
import { BotRuntime } from '../bot/runtime.ts';
import { ChatosClient } from '../client/client.ts';
import { formatAddress, type Address } from '../net/address.ts';
import { PLUGIN_MODULES } from '../plugin-modules.ts';
import type { PolicyOptions } from '../policy/policy.ts';
import type { ServerOptions } from '../server/options.ts';
import { ChatosServer } from '../server/server.ts';
import { createLogger, type Logger } from '../util/log.ts';
import { TestUser } from './test-user.ts';

export interface TestBotOptions {
  /** @default the plugin's name */
  readonly login?: string;
  /** What the plugin finds as `bot.options`. @default {} */
  readonly options?: Readonly<Record<string, unknown>>;
  /** @default the plugin's onPrivateRequest decides */
  readonly policy?: PolicyOptions;
  /** Receives what the runtime and the bot log. @default warnings and errors go to standard error */
  readonly log?: Logger;
}

/**
 * A server on a free port of this machine, with bots and scripted users: a bot is tested as it will run.
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
  /** Where the server listens, as `tcp://127.0.0.1:40123`. */
  readonly server: string;
  readonly #address: Address;
  readonly #server: ChatosServer;
  readonly #runtimes: BotRuntime[] = [];
  readonly #users: TestUser[] = [];

  private constructor(server: ChatosServer, address: Address) {
    this.#server = server;
    this.#address = address;
    this.server = formatAddress(address);
  }

  /** Starts the server. */
  static async start(options: ServerOptions & { readonly longBytes?: 4 | 8 } = {}): Promise<TestNetwork> {
    const { longBytes = 4, ...serverOptions } = options;
    const server = new ChatosServer(serverOptions);
    return new TestNetwork(server, await server.listen({ host: '127.0.0.1', port: 0, longBytes }));
  }

  /**
   * Loads a plugin file as `chatosbot run` does, or takes a plugin, and logs it in.
   *
   * @throws {ChatosError} `INVALID_PLUGIN` or `LOGIN_REFUSED`
   */
  async bot(plugin: string | BotPlugin, options: TestBotOptions = {}): Promise<void> {
    const loaded =
      typeof plugin === 'string'
        ? await loadPlugin(plugin, await createModuleLoader(PLUGIN_MODULES))
        : readPlugin(plugin, { name: 'bot', file: '', shown: 'the plugin' });
    const entry = { plugin: loaded, server: this.#address, login: options.login, options: options.options };
    const runtime = new BotRuntime([entry], {
      policy: options.policy,
      log: options.log ?? createLogger({ level: 'warn' }),
    });
    this.#runtimes.push(runtime);
    await runtime.start();
  }

  /** Logs a user in. */
  async user(login: string): Promise<TestUser> {
    const user = new TestUser(await ChatosClient.connect({ server: this.#address, login }));
    this.#users.push(user);
    return user;
  }

  /** Ends users, bots and server. */
  async stop(): Promise<void> {
    await Promise.all(this.#users.map((user) => user.leave()));
    await Promise.all(this.#runtimes.map((runtime) => runtime.stop({ timeoutMs: 0 })));
    await this.#server.close();
  }
}
