import type { RuntimeEvent } from '../../bot/events.ts';
import type { RecordingLine } from '../../bot/recording.ts';
import type { Channel } from '../../client/channel.ts';
import type { ChatosClient } from '../../client/client.ts';
import type { PrivateRequest } from '../../client/private-request.ts';
import { ChatosError, isChatosError } from '../../errors.ts';
import { loginProblem } from '../../protocol/login.ts';
import { loginKey } from '../../util/login-key.ts';
import type { OfflineWorld } from '../offline/offline-world.ts';

/** Users who are logged in at a time; those who have been silent for longest leave first. */
const MAX_USERS = 200;
/** How long the last words of bots may take, in real time. */
const STOP_TIMEOUT_MS = 10_000;
/** Requests wait for the recorded time of their decision, not for a real time. */
const FOREVER_MS = 2 ** 31 - 1;

/** Somebody who was there when it was recorded. */
interface User {
  readonly client: ChatosClient;
  /** What bots have asked of it, oldest first. */
  readonly requests: PrivateRequest[];
  /** Its private connections, oldest first. */
  readonly channels: Channel[];
}

/** Plays a recording to bots: the users of the recording say again what they said, at the time when they said it. */
export class Player {
  readonly #world: OfflineWorld;
  readonly #login: string;
  readonly #onBusy: (line: number) => void;
  readonly #users = new Map<string, User>();
  readonly #pinned = new Set<string>();
  #stopping: Promise<void> | undefined;

  /** @param onBusy told of each line after which the bots were not waited for any longer */
  constructor(world: OfflineWorld, login: string, onBusy: (line: number) => void) {
    this.#world = world;
    this.#login = login;
    this.#onBusy = onBusy;
  }

  /** Plays all events of the account, and returns what the bots did. */
  async play(events: readonly RecordingLine[]): Promise<readonly RuntimeEvent[]> {
    const { clock } = this.#world;
    const asked = events.flatMap((event) => (event.type === 'requested' ? [event.to] : []));
    for (const peer of new Set(asked.filter((name) => loginProblem(name) === undefined))) {
      await this.#user(peer);
      this.#pinned.add(loginKey(peer));
    }
    for (const event of events) {
      await clock.advance(Math.max(Date.parse(event.time) - clock.now().getTime(), 0));
      await this.#play(event);
    }
    if (!this.#stopping) return [...this.#world.events];
    for (const { channels } of this.#users.values()) for (const channel of channels) await channel.close();
    await this.#stopping;
    return this.#world.events;
  }

  /** Logs the users out. */
  async close(): Promise<void> {
    await Promise.all([...this.#users.values()].map(({ client }) => client.destroy()));
  }

  async #play(event: RecordingLine): Promise<void> {
    switch (event.type) {
      case 'heard': {
        const { client } = await this.#user(event.from);
        const { private: isPrivate, text } = event;
        const say = (): Promise<void> => (isPrivate ? client.tell(this.#login, text) : client.say(text));
        if (!(await this.#world.hears(1, say))) throw lost(event);
        break;
      }
      case 'request': {
        const { client, channels } = await this.#user(event.from);
        const come = this.#world.next('request');
        client.request(this.#login, { timeoutMs: FOREVER_MS }).then(
          (channel) => channels.push(silenced(channel)),
          () => undefined,
        );
        if (!(await come)) this.#onBusy(event.line);
        break;
      }
      case 'requested':
        await this.#answer(event);
        break;
      case 'closed': {
        const channel = this.#users.get(loginKey(event.peer))?.channels.shift();
        channel?.end();
        await this.#world.settled();
        await channel?.close();
        break;
      }
      case 'stopping':
        this.#stopping ??= this.#world.stop(STOP_TIMEOUT_MS);
        return;
      default:
        // What the bots did: time has gone by until then.
        return;
    }
    if (!(await this.#world.settled())) this.#onBusy(event.line);
  }

  /** Answers a bot's own request as its peer did; where that had not answered, it refuses. */
  async #answer({ to, outcome }: RecordingLine & { readonly type: 'requested' }): Promise<void> {
    await this.#world.settled();
    const user = this.#users.get(loginKey(to));
    const request = user?.requests.shift();
    if (!user || !request) return;
    const known = this.#world.next('requested');
    if (outcome === 'opened') {
      try {
        user.channels.push(silenced(await request.accept()));
      } catch (error) {
        // The bot has thought better of it.
        if (!isChatosError(error)) throw error;
        return;
      }
    } else {
      request.refuse();
    }
    await known;
  }

  async #user(login: string): Promise<User> {
    const key = loginKey(login);
    let user = this.#users.get(key);
    if (user) {
      // The last in the map is who has spoken last.
      this.#users.delete(key);
    } else {
      await this.#makeRoom();
      user = { client: this.#world.client(login), requests: [], channels: [] };
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

/** The bytes were not recorded: what the bot sends is passed over, and how the channel ends, too. */
function silenced(channel: Channel): Channel {
  channel.on('error', () => undefined);
  return channel.resume();
}

function lost({ line }: RecordingLine): ChatosError {
  return new ChatosError('TIMED_OUT', `the bot did not hear the message of line ${line}: has it lost its connection?`);
}
