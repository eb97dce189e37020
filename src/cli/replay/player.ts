import type { RuntimeEvent } from '../../bot/events.ts';
import type { RecordingLine } from '../../bot/recording/recording.ts';
import type { Channel } from '../../client/channel.ts';
import { ChatosClient } from '../../client/client.ts';
import type { PrivateRequest } from '../../client/private-request.ts';
import { ChatosError, isChatosError } from '../../errors.ts';
import { loginProblem } from '../../protocol/login.ts';
import { loginKey } from '../../util/login-key.ts';
import { MAX_TIMER_MS } from '../../util/clock.ts';
import type { OfflineBots } from '../running/offline-bots.ts';

/** Users who are logged in at a time; those who have been silent longest leave first. */
const MAX_USERS = 200;
/** How long `onStop` of the bots may take, in real time. */
const STOP_TIMEOUT_MS = 10_000;
/** Requests wait for the recorded time of their decision, not for a real time. */
const FOREVER_MS = MAX_TIMER_MS;

/** A user of the recording. */
interface User {
  readonly client: ChatosClient;
  /** The requests of bots to it, oldest first. */
  readonly requests: PrivateRequest[];
  /** Its private connections, oldest first. */
  readonly channels: Channel[];
}

export interface PlayerParts {
  readonly bots: OfflineBots;
  /** Their account. */
  readonly login: string;
  /** Their events so far; the list grows. */
  readonly events: readonly RuntimeEvent[];
  /** Reloads a bot, by its name, and begins to put that in its place; rejects if it does not load. */
  readonly reload: (bot: string) => Promise<void>;
  /** Called with each line after which the bots stayed busy for too long. */
  readonly onBusy: (line: number) => void;
}

/** Plays a recording to bots: its users send their messages again, at the recorded times. */
export class Player {
  readonly #parts: PlayerParts;
  readonly #users = new Map<string, User>();
  readonly #pinned = new Set<string>();
  /** When the last event of the recording happened, in ms since 1970. */
  #endsAt = 0;
  #stopping: Promise<void> | undefined;

  constructor(parts: PlayerParts) {
    this.#parts = parts;
  }

  /** Plays all events of the account. Resolves when the bots have settled. */
  async play(events: readonly RecordingLine[]): Promise<void> {
    const { clock } = this.#parts.bots.net;
    const asked = events.flatMap((event) => (event.type === 'requested' ? [event.to] : []));
    for (const peer of new Set(asked.filter((name) => loginProblem(name) === undefined))) {
      await this.#user(peer);
      this.#pinned.add(loginKey(peer));
    }
    this.#endsAt = Date.parse(events.at(-1)?.time ?? '');
    for (const event of events) {
      await clock.advance(Math.max(Date.parse(event.time) - clock.now().getTime(), 0));
      await this.#play(event);
    }
    if (!this.#stopping) return;
    await clock.advance(1);
    await this.#closeChannels();
    await this.#stopping;
  }

  /** Ends the private connections, and logs the users out. */
  async close(): Promise<void> {
    await this.#closeChannels();
    for (const { client } of this.#users.values()) await client.destroy();
  }

  async #closeChannels(): Promise<void> {
    for (const { channels } of this.#users.values()) for (const channel of channels) await channel.close();
  }

  async #play(event: RecordingLine): Promise<void> {
    switch (event.type) {
      case 'heard': {
        const { client } = await this.#user(event.from);
        const before = this.#parts.events.length;
        await (event.private ? client.tell(this.#parts.login, event.text) : client.say(event.text));
        await this.#settled(event, client);
        const isHeard = this.#parts.events.slice(before).some(({ type }) => type === 'heard');
        // Bots that stop hear nothing but answers: one that asks no longer differs, that is all.
        if (!isHeard && !this.#stopping) throw lost(event);
        break;
      }
      case 'request': {
        const { client, channels } = await this.#user(event.from);
        client.request(this.#parts.login, { timeoutMs: FOREVER_MS }).then(
          (channel) => channels.push(silenced(channel)),
          () => undefined,
        );
        await this.#settled(event, client);
        break;
      }
      case 'requested':
        await this.#settled(event, await this.#answer(event));
        break;
      case 'closed': {
        const channel = this.#users.get(loginKey(event.peer))?.channels.shift();
        channel?.end();
        await this.#settled(event);
        await channel?.close();
        await this.#settled(event);
        break;
      }
      case 'reloaded':
        await this.#parts.reload(event.bot);
        await this.#settled(event);
        break;
      case 'stopping':
        this.#stopping ??= this.#stop();
        break;
      default:
      // The bots' own doing: only time passes.
    }
  }

  /** Stops the bots; their questions may be answered until all of the recording is played. */
  #stop(): Promise<void> {
    const { net, runtime } = this.#parts.bots;
    const answersMs = Math.max(this.#endsAt - net.clock.now().getTime(), 0) + 1;
    return runtime.stop({ timeoutMs: STOP_TIMEOUT_MS, answersMs });
  }

  /** Answers a bot's own request as its peer did; refuses it if the peer did not answer. Returns who has answered. */
  async #answer(event: RecordingLine & { readonly type: 'requested' }): Promise<ChatosClient | undefined> {
    const user = this.#users.get(loginKey(event.to));
    // When the bots have settled, their requests are on their way.
    await this.#settled(event);
    await user?.client.roundTrip();
    const request = user?.requests.shift();
    if (!user || !request) return undefined;
    if (event.outcome !== 'opened') {
      request.refuse();
      return user.client;
    }
    try {
      user.channels.push(silenced(await request.accept()));
    } catch (error) {
      // The bot has given up the request.
      if (!isChatosError(error)) throw error;
    }
    return user.client;
  }

  /** Waits until the bots have settled after an event, and after what its sender has sent. */
  async #settled({ line }: RecordingLine, sender?: ChatosClient): Promise<void> {
    await sender?.roundTrip();
    if (!(await this.#parts.bots.settled())) this.#parts.onBusy(line);
  }

  /** The network does not wait for these users: there may be many, of whom one acts at a time. */
  async #user(login: string): Promise<User> {
    const key = loginKey(login);
    let user = this.#users.get(key);
    if (user) {
      // The map has the user who spoke last at its end.
      this.#users.delete(key);
    } else {
      await this.#makeRoom();
      user = {
        client: ChatosClient.create({ server: this.#parts.bots.net.server, login }),
        requests: [],
        channels: [],
      };
      const { client, requests } = user;
      client.on('request', (request) => requests.push(request));
      await client.start();
    }
    this.#users.set(key, user);
    return user;
  }

  async #makeRoom(): Promise<void> {
    if (this.#users.size < MAX_USERS) return;
    for (const [key, { client, channels }] of this.#users) {
      if (this.#pinned.has(key) || channels.length > 0) continue;
      this.#users.delete(key);
      await client.close();
      return;
    }
  }
}

/** Bytes were not recorded: what the bot sends is ignored, and how the channel ends too. */
function silenced(channel: Channel): Channel {
  channel.on('error', () => undefined);
  return channel.resume();
}

function lost({ line }: RecordingLine): ChatosError {
  return new ChatosError('TIMED_OUT', `the bot did not hear the message of line ${line}: did it lose its connection?`);
}
