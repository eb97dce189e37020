import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import type { RuntimeEvent } from '../../bot/events.ts';
import { BotRuntime } from '../../bot/runtime.ts';
import { ChatosClient } from '../../client/client.ts';
import type { LoadedConfig } from '../../config/load.ts';
import { ChatosError } from '../../errors.ts';
import type { Address } from '../../net/address.ts';
import { ChatosServer } from '../../server/server.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import type { Logger } from '../../util/log.ts';
import type { BotToRun } from '../bot-entries.ts';
import { surviveStrayErrors } from '../stray-errors.ts';

/** How long a bot may be busy, in real time, before it is no longer waited for. */
const BUSY_TIMEOUT_MS = 10_000;
/** What is on its way from one end of this process to the other has arrived when so many turns of the loop saw nothing. */
const QUIET_TURNS = 10;
/** A bot that waits for a disk or another machine is looked at after so many turns in a row, and then this often. */
const PATIENT_TURNS = 100;
const LOOK_MS = 1;

export interface OfflineOptions {
  readonly bots: readonly BotToRun[];
  readonly loaded: LoadedConfig;
  /** At what the clock stands. */
  readonly startsAt: Date;
  /** Where stores are kept. @default a folder that is removed in the end */
  readonly stateDirectory?: string | undefined;
  /** A folder of stores, with a copy of which the bots begin. @default they begin with nothing */
  readonly copyOf?: string | undefined;
  readonly log: Logger;
  /** Told of each event as it happens. */
  readonly onEvent?: (event: RuntimeEvent) => void;
}

/** Bots with nobody but whom one logs in beside them: a server of their own, and a clock that stands still. */
export class OfflineWorld {
  readonly clock: FakeClock;
  /** What the bots heard and said so far. */
  readonly events: RuntimeEvent[] = [];
  readonly #runtime: BotRuntime;
  readonly #server: ChatosServer;
  readonly #address: Address;
  readonly #temporary: string | undefined;
  #heard = 0;
  readonly #restoreHandlers: () => void;
  readonly #watchers = new Set<(event: RuntimeEvent) => void>();

  /**
   * Starts the server and the bots, and resolves when these have settled.
   *
   * @throws {ChatosError} as {@link BotRuntime}
   */
  static async start(options: OfflineOptions): Promise<OfflineWorld> {
    const { stateDirectory, copyOf } = options;
    const server = new ChatosServer({});
    const address = await server.listen({ host: '127.0.0.1', port: 0, longBytes: 8 });
    const temporary = stateDirectory === undefined ? await mkdtemp(path.join(tmpdir(), 'chatosbot-')) : undefined;
    try {
      if (temporary !== undefined && copyOf !== undefined) await copyState(copyOf, temporary);
      const world = new OfflineWorld(options, server, address, temporary);
      await world.#runtime.start();
      await world.settled();
      return world;
    } catch (error) {
      await server.close();
      if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
      throw error;
    }
  }

  private constructor(options: OfflineOptions, server: ChatosServer, address: Address, temporary: string | undefined) {
    const { bots, loaded, log, startsAt, onEvent } = options;
    const { config, directory } = loaded;
    this.#server = server;
    this.#address = address;
    this.#temporary = temporary;
    this.#restoreHandlers = surviveStrayErrors(log);
    const begun = (): number => this.#begun();
    this.clock = new FakeClock(startsAt, {
      get begun() {
        return begun();
      },
      settled: (signal) => this.settled(signal).then(() => undefined),
    });
    this.#runtime = new BotRuntime(
      bots.map((bot) => ({ ...bot, directory, server: address })),
      {
        policy: config.policy,
        commandPrefix: config.commandPrefix,
        // Nobody but the user is there to be flooded, and the user may well type what a bot would.
        flood: false,
        loopGuard: false,
        stateDirectory: options.stateDirectory ?? temporary!,
        log,
        clock: this.clock,
        observer: (event) => {
          this.events.push(event);
          if (event.type === 'heard') this.#heard += 1;
          onEvent?.(event);
          for (const look of this.#watchers) look(event);
        },
      },
    );
  }

  get runtime(): BotRuntime {
    return this.#runtime;
  }

  /** A client that is to log in here. */
  client(login: string): ChatosClient {
    return ChatosClient.create({ server: this.#address, login });
  }

  /** Does what makes the bots hear messages, and resolves when they have: to `false` where they have not. */
  async hears(count: number, say: () => Promise<void>): Promise<boolean> {
    const goal = this.#heard + count;
    await say();
    while (this.#heard < goal) if (!(await this.next('heard'))) return false;
    return true;
  }

  /** Resolves when something new has happened: to `false` where it has not after ten seconds. */
  next(type: RuntimeEvent['type']): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (happened: boolean): void => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        resolve(happened);
      };
      const look = (event: RuntimeEvent): void => {
        if (event.type === type) finish(true);
      };
      const timer = setTimeout(() => finish(false), BUSY_TIMEOUT_MS);
      this.#watchers.add(look);
    });
  }

  /**
   * Resolves when the bots do nothing any more but wait: for peers, or for time to go by. To `false` where they are still
   * busy after ten seconds.
   */
  async settled(signal?: AbortSignal): Promise<boolean> {
    const deadline = performance.now() + BUSY_TIMEOUT_MS;
    let seen = '';
    for (let turns = 0, quiet = 0; quiet < QUIET_TURNS; turns += 1) {
      if (turns < PATIENT_TURNS || quiet > 0) await turn();
      else await pause(LOOK_MS);
      const now = this.#activity();
      quiet = this.#runtime.busy === 0 && now === seen ? quiet + 1 : 0;
      seen = now;
      if (quiet === 0 && (signal?.aborted || performance.now() > deadline)) return false;
    }
    return true;
  }

  /** Stops the bots as SIGTERM would. */
  stop(timeoutMs: number): Promise<void> {
    return this.#runtime.stop({ timeoutMs });
  }

  /** Ends everything. */
  async close(): Promise<void> {
    await this.#runtime.stop({ timeoutMs: 0 });
    await this.#server.close();
    this.#restoreHandlers();
    if (this.#temporary !== undefined) await rm(this.#temporary, { recursive: true, force: true });
  }

  #begun(): number {
    const plugins = this.#runtime.status.accounts.flatMap((account) => account.plugins);
    return plugins.reduce((sum, { calls }) => sum + calls, this.events.length);
  }

  /** Changes with all that can be seen of the bots. */
  #activity(): string {
    const { connections, channels } = this.#server.stats;
    const bytes = this.#runtime.status.accounts.flatMap((account) =>
      account.channels.map(({ bytesReceived, bytesSent }) => bytesReceived + bytesSent),
    );
    return [this.#begun(), connections, channels, ...bytes].join();
  }
}

async function copyState(from: string, to: string): Promise<void> {
  try {
    await cp(from, to, { recursive: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such folder' : `it cannot be read (${code})`;
    throw new ChatosError('INVALID_ARGUMENT', `${from}: ${why}`, { cause: error });
  }
}
