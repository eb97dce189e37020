import { StringDecoder } from 'node:string_decoder';
import { splitText } from '../../client/split-text.ts';
import type { Channel } from '../../client/channel.ts';
import type { ChatosClient } from '../../client/client.ts';
import type { PrivateRequest } from '../../client/private-request.ts';
import { createDeferred, type Deferred } from '../../util/deferred.ts';
import { ChatosError, isChatosError } from '../../errors.ts';
import { loginKey } from '../../util/login-key.ts';
import { formatSpan } from '../../util/printable.ts';
import { pause } from '../../util/timeout.ts';
import { Heard } from './heard.ts';
import type { ChatView } from './view.ts';

/** How long `/accept` waits for a peer that has not asked yet. */
const ACCEPT_WAIT_MS = 30_000;
/** When leaving, how long peers may take to end their side of private connections. */
const LEAVE_MS = 2_000;
/** A longer line of a private connection is shown as several. */
const MAX_LINE_CHARS = 4_096;
/** Users that `/who` lists. */
const MAX_SHOWN_USERS = 50;
/** Requests that may wait for an answer. */
const MAX_REQUESTS = 100;

/** Why lines are not sent. */
interface Held {
  readonly as: 'waiting' | 'closed';
  readonly why: string;
}

/** What a person does in a chat, and what the view shows of it. Typed lines go to everyone, or into one channel. */
export class Conversation {
  readonly #client: ChatosClient;
  readonly #view: ChatView;
  /** Who was heard so far. */
  readonly heard = new Heard();
  readonly #requests = new Map<string, PrivateRequest>();
  readonly #awaited = new Map<string, Deferred<PrivateRequest>>();
  readonly #channels = new Map<string, Channel>();
  #target: Channel | undefined;
  /** Set when lines are meant for a private connection that is not open: they must not be sent to everyone. */
  #held: Held | undefined;

  constructor(client: ChatosClient, view: ChatView) {
    this.#client = client;
    this.#view = view;
    client.on('message', ({ from, text, private: isPrivate, own }) => {
      if (own) this.heard.noteCommands(text);
      else this.heard.note(from, text);
      if (isPrivate) view.said({ type: 'private', from, to: client.login, text });
      else view.said({ type: 'message', from, text });
    });
    client.on('request', (request) => this.#onRequest(request));
    // Their senders were told that we are gone.
    client.on('disconnected', () => this.#requests.clear());
  }

  get login(): string {
    return this.#client.login;
  }

  /** The peer whose private connection lines go into; `waiting` before it is open, `closed` after; `undefined` for everyone. */
  get target(): string | undefined {
    return this.#held?.as ?? this.#target?.peer;
  }

  /** Sends a line: into the channel in use, else to everyone. */
  async say(text: string): Promise<void> {
    const channel = this.#target;
    if (this.#held) {
      const message = `not sent: ${this.#held.why}; /room to talk to everyone`;
      throw new ChatosError('CHANNEL_CLOSED', message);
    }
    if (!channel) return this.#send(text, (part) => this.#client.say(part));
    for (const line of text.split('\n')) {
      this.#view.said({ type: 'channel', from: this.#client.login, to: channel.peer, text: line });
    }
    await new Promise<void>((resolve, reject) => {
      channel.write(`${text}\n`, (error) => (error ? reject(asLost(channel, error)) : resolve()));
    });
  }

  async tell(to: string, text: string): Promise<void> {
    await this.#send(text, async (part) => {
      await this.#client.tell(to, part);
      this.#view.said({ type: 'private', from: this.#client.login, to, text: part });
    });
  }

  /** Shows who is known to be here: the protocol has no list. */
  who(): void {
    const now = Date.now();
    const users = this.heard.users.slice(0, MAX_SHOWN_USERS);
    const shown = users.map(({ login, at }) => `${login} (${formatSpan(now - at)} ago)`);
    this.#view.notice(
      users.length === 0
        ? 'nobody was heard so far; who is here and silent cannot be known'
        : `heard so far: ${shown.join(', ')}; who is here and silent cannot be known`,
    );
  }

  /** Sends a text, in parts where it is long. */
  async #send(text: string, send: (part: string) => Promise<void>): Promise<void> {
    try {
      for (const part of splitText(text)) await send(part);
    } catch (error) {
      if (!isChatosError(error, 'NOT_CONNECTED') && !isChatosError(error, 'CONNECTION_LOST')) throw error;
      throw new ChatosError(error.code, 'not sent: there is no connection to the server now', { cause: error });
    }
  }

  /** Asks for a private connection, or returns to one that is open; lines then go into it. */
  async pipe(peer: string): Promise<void> {
    const open = this.#channels.get(loginKey(peer));
    if (open) {
      this.#use(open);
      return;
    }
    this.#view.notice(`asking ${peer} for a private connection`);
    this.#open(await this.#hold(peer, this.#client.request(peer)));
  }

  /** Accepts a request, or waits for one. */
  async accept(peer: string): Promise<void> {
    const key = loginKey(peer);
    let request = this.#requests.get(key);
    if (!request) {
      this.#view.notice(`waiting for ${peer} to ask for a private connection`);
      const waiting = createDeferred<PrivateRequest>({
        timeoutMs: ACCEPT_WAIT_MS,
        what: `${peer} did not ask for a private connection`,
      });
      this.#awaited.set(key, waiting);
      request = await this.#hold(
        peer,
        waiting.promise.finally(() => {
          // Somebody may have asked to wait for it once more.
          if (this.#awaited.get(key) === waiting) this.#awaited.delete(key);
        }),
      );
    }
    this.#requests.delete(key);
    this.#open(await this.#hold(peer, request.accept()));
  }

  refuse(peer: string): void {
    const request = this.#requests.get(loginKey(peer));
    if (!request) throw new ChatosError('INVALID_ARGUMENT', `${peer} has not asked for a private connection`);
    this.#requests.delete(loginKey(peer));
    request.refuse();
    this.#view.notice(`refused ${peer}`);
  }

  /** Lines go to everyone again; private connections stay open. */
  leaveChannel(): void {
    this.#target = undefined;
    this.#held = undefined;
    this.#view.notice('lines go to everyone');
  }

  /** Ends our side of the private connection in use; what the peer sends still arrives. */
  endSide(): void {
    if (!this.#target) throw new ChatosError('INVALID_ARGUMENT', 'there is no private connection in use');
    this.#target.end();
  }

  /** Closes a private connection in both directions: the peer's, or the one in use. */
  async close(peer: string | undefined): Promise<void> {
    const channel = peer === undefined ? this.#target : this.#channels.get(loginKey(peer));
    if (!channel) throw new ChatosError('INVALID_ARGUMENT', 'there is no such private connection');
    if (channel === this.#target) this.leaveChannel();
    await channel.close();
  }

  /** Ends everything in order: what was written arrives. Peers get a short time to end their side. */
  async end(): Promise<void> {
    for (const request of this.#requests.values()) request.refuse();
    await Promise.all(
      [...this.#channels.values()].map(async (channel) => {
        const closed = new AbortController();
        channel.once('close', () => closed.abort()).end();
        await pause(LEAVE_MS, closed.signal);
        await channel.close();
      }),
    );
    await this.#client.close();
  }

  /** Lines for a private connection that is not open yet, or was not established, must not go to everyone. */
  async #hold<T>(peer: string, work: Promise<T>): Promise<T> {
    const waiting: Held = { as: 'waiting', why: `the private connection with ${peer} is not open yet` };
    this.#held = waiting;
    try {
      return await work;
    } catch (error) {
      if (this.#held === waiting) this.#held = { as: 'closed', why: `there is no private connection with ${peer}` };
      throw error;
    }
  }

  #onRequest(request: PrivateRequest): void {
    const key = loginKey(request.from);
    const awaited = this.#awaited.get(key);
    if (awaited) {
      awaited.resolve(request);
    } else if (this.#requests.size >= MAX_REQUESTS && !this.#requests.has(key)) {
      request.refuse();
    } else {
      this.#requests.set(key, request);
      this.#view.notice(
        `${request.from} asks for a private connection: /accept ${request.from} or /refuse ${request.from}`,
      );
    }
  }

  #open(channel: Channel): void {
    const { peer } = channel;
    const key = loginKey(peer);
    this.#channels.set(key, channel);
    readLines(channel, (text) => this.#view.said({ type: 'channel', from: peer, text }));
    channel.once('end', () => this.#view.notice(`${peer} has ended its side of the private connection`));
    channel.on('error', (error) => this.#view.notice(error.message));
    channel.once('close', () => {
      if (this.#channels.get(key) === channel) this.#channels.delete(key);
      this.#view.notice(`the private connection with ${peer} is closed`);
      if (this.#target !== channel) return;
      this.#target = undefined;
      this.#held = { as: 'closed', why: `the private connection with ${peer} is closed` };
      this.#view.notice('lines are not sent; /room to talk to everyone');
    });
    this.#use(channel);
  }

  #use(channel: Channel): void {
    this.#target = channel;
    this.#held = undefined;
    this.#view.notice(`lines go to ${channel.peer} over the private connection; /room to talk to everyone again`);
  }
}

/** Calls back for each line of UTF-8; a line that is too long comes in parts. */
function readLines(channel: Channel, onLine: (text: string) => void): void {
  const decoder = new StringDecoder('utf8');
  let kept = '';
  channel.on('data', (chunk: Buffer) => {
    kept += decoder.write(chunk);
    const lines = kept.split(/\r?\n/);
    kept = lines.pop()!;
    for (const line of lines) onLine(line);
    if (kept.length > MAX_LINE_CHARS) {
      onLine(kept);
      kept = '';
    }
  });
  channel.once('end', () => {
    kept += decoder.end();
    if (kept !== '') onLine(kept);
  });
}

function asLost(channel: Channel, cause: Error): ChatosError {
  return new ChatosError('CHANNEL_ABORTED', `the private connection with ${channel.peer} is gone`, { cause });
}
