import type { RuntimeEvent } from '../../bot/events.ts';
import type { LoadedPlugin } from '../../bot/loading/read-plugin.ts';
import { mayCall } from '../../bot/plugin/callers.ts';
import { ChatosError, isChatosError, messageOf } from '../../errors.ts';
import { loginProblem } from '../../protocol/login.ts';
import { loginKey } from '../../util/login-key.ts';
import type { BotLoader, BotToRun } from '../running/bot-entries.ts';
import type { PlannedBot } from '../running/bot-plans.ts';
import { Conversation } from '../chat/conversation.ts';
import type { ChatView } from '../chat/view.ts';
import type { OfflineBots } from '../running/offline-bots.ts';
import { statusLines, suspensionNotice } from './status-lines.ts';

const MAX_USERS = 100;

/** How long `onStop` of the bot may take. Lines come one by one: nobody can answer a question meanwhile. */
const STOPPING = { timeoutMs: 5_000, answersMs: 0 };
/** On a reload, the hooks of the old version may take this long. */
const RELOADING = { timeoutMs: 1_000, answersMs: 0 };
/** How long a hook is waited for again that was waited for in vain, or at all by a person who leaves. */
const SHORT_WAIT_MS = 1_000;

export interface RehearsalParts {
  readonly offline: OfflineBots;
  readonly bot: BotToRun;
  readonly plan: PlannedBot;
  readonly loader: BotLoader;
  readonly view: ChatView;
  /** Whether the lines come from a script. */
  readonly scripted: boolean;
}

/** A bot offline, and the users that talk to it. */
export class Rehearsal {
  readonly #parts: RehearsalParts;
  readonly #users = new Map<string, Conversation>();
  /** The users whose request for a private connection the bot has decided. */
  readonly #decided = new Set<string>();
  /** The current version of the bot. */
  #plugin: LoadedPlugin;
  #current: Conversation | undefined;
  /** Whether a hook goes on and on. */
  #isBusy = false;

  constructor(parts: RehearsalParts) {
    this.#parts = parts;
    this.#plugin = parts.bot.plugin;
  }

  /** The text before the line that is typed: the current user, and where lines go if not to everyone. */
  get prompt(): string {
    const target = this.#current?.target;
    return `${this.#current?.login ?? ''}${target === undefined ? '' : `[${target}]`}> `;
  }

  /** The commands of the bot that are for the current user, as far as patterns say. */
  get commands(): string[] {
    const login = this.#current?.login ?? '';
    return Array.from(this.#plugin.commands).flatMap(([name, command]) => (mayCall(command, login) ? [name] : []));
  }

  /** The users that there are. */
  get users(): string[] {
    return Array.from(this.#users.values(), ({ login }) => login);
  }

  /** Notes an event of the bot, and shows what it says. */
  show(event: RuntimeEvent): void {
    const { view } = this.#parts;
    if (event.type === 'decided') this.#decided.add(loginKey(event.from));
    if (event.type !== 'said') return;
    const { login: from, to, text } = event;
    view.said(to === undefined ? { type: 'message', from, text } : { type: 'private', from, to, text });
  }

  /**
   * Makes a user the current one; logs it in if it is new.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT` if the login is invalid, or the bot's
   */
  async as(login: string): Promise<void> {
    const problem = loginProblem(login);
    if (problem !== undefined) throw new ChatosError('INVALID_ARGUMENT', `'${login}' is not a login: ${problem}`);
    if (loginKey(login) === loginKey(this.#bot)) {
      throw new ChatosError('INVALID_ARGUMENT', `${login} is the bot; choose another login`);
    }
    this.#current = this.#users.get(loginKey(login)) ?? (await this.#logIn(login));
  }

  /** Sends a line: into the private connection in use, else to everyone. */
  async say(text: string): Promise<void> {
    const user = this.#user;
    if (user.target === undefined) this.#parts.view.said({ type: 'message', from: user.login, text });
    await user.say(text);
    await this.#settled();
  }

  async tell(text: string): Promise<void> {
    this.#parts.view.said({ type: 'private', from: this.#user.login, to: this.#bot, text });
    await this.#user.tell(this.#bot, text);
    await this.#settled();
  }

  /** Asks the bot for a private connection. Does not wait for a bot that waits for something before it decides. */
  async pipe(): Promise<void> {
    const { view } = this.#parts;
    const { login } = this.#user;
    this.#decided.delete(loginKey(login));
    const opening = this.#user.pipe(this.#bot);
    const refused = (error: unknown): void => {
      // A refusal is an answer, not a failure.
      if (!isChatosError(error, 'REQUEST_REFUSED')) throw error;
      view.notice(error.message);
    };
    const answered = opening.then(() => undefined, refused);
    const undecided = this.#settled().then(async () => {
      return this.#decided.has(loginKey(login)) ? answered : ('undecided' as const);
    });
    if ((await Promise.race([answered, undecided])) === 'undecided') {
      view.notice(`${this.#bot} has not decided yet`);
      answered.catch((error: unknown) => view.notice(messageOf(error)));
    }
    await this.#settled();
  }

  /** Accepts a private connection. A person may go on typing, to make the bot ask for it. */
  async accept(): Promise<void> {
    const { scripted, view } = this.#parts;
    const accepting = this.#user.accept(this.#bot);
    const settled = this.#settled();
    if (!scripted && (await Promise.race([accepting, settled.then(() => 'waiting' as const)])) === 'waiting') {
      accepting.catch((error: unknown) => view.notice(messageOf(error)));
      return;
    }
    await accepting;
    await this.#settled();
  }

  /** Acts on the current user's private connections with the bot. */
  async inChannels(act: (conversation: Conversation, bot: string) => Promise<void> | void): Promise<void> {
    await act(this.#user, this.#bot);
    await this.#settled();
  }

  async advance(duration: string): Promise<void> {
    const { offline, view } = this.#parts;
    const { clock } = offline.net;
    await clock.advance(duration);
    await this.#settled();
    view.notice(`it is ${clock.now().toISOString()}`);
  }

  /** Reloads the bot, as `run --watch` does: its store, its session and its private connections stay. */
  async reload(): Promise<void> {
    const { offline, loader, plan, view } = this.#parts;
    const { plugin, options } = await loader.load(plan);
    await offline.runtime.reload(0, plugin, { options, ...RELOADING });
    this.#plugin = plugin;
    view.notice(`${plugin.name}: reloaded`);
    await this.#settled();
  }

  status(): void {
    const { offline, view } = this.#parts;
    const [account] = offline.runtime.status.accounts;
    for (const line of statusLines(account!, offline.net.clock.now())) view.notice(line);
  }

  /** Ends the private connections, and stops the bot; `onStop` may still send messages. */
  async end(): Promise<void> {
    const { offline, scripted } = this.#parts;
    // What has been waited for in vain is not waited for again.
    if (!this.#isBusy) this.#isBusy = !(await offline.settled(scripted ? undefined : SHORT_WAIT_MS));
    await Promise.all([...this.#users.values()].map((user) => user.end()));
    await offline.runtime.stop(this.#isBusy ? RELOADING : STOPPING);
  }

  get #bot(): string {
    return this.#parts.bot.login;
  }

  get #user(): Conversation {
    if (!this.#current) throw new ChatosError('INVALID_ARGUMENT', 'choose a login: /as NAME');
    return this.#current;
  }

  async #logIn(login: string): Promise<Conversation> {
    const { offline } = this.#parts;
    if (this.#users.size >= MAX_USERS) throw new ChatosError('QUEUE_FULL', `there are already ${MAX_USERS} users`);
    const client = await offline.net.client(login);
    const user = new Conversation(client, this.#viewOf(login));
    await client.start();
    this.#users.set(loginKey(login), user);
    return user;
  }

  /** Messages are shown once, when they are sent; data of a private connection, when it arrives. */
  #viewOf(login: string): ChatView {
    const { view } = this.#parts;
    return {
      attach: () => undefined,
      said: (event) => {
        if (event.type === 'channel') view.said({ ...event, to: event.to ?? login });
      },
      notice: (text) => view.notice(this.#users.size > 1 ? `${login}: ${text}` : text),
    };
  }

  async #settled(): Promise<void> {
    const { offline, view } = this.#parts;
    const wasBusy = this.#isBusy;
    this.#isBusy = !(await offline.settled(wasBusy ? SHORT_WAIT_MS : undefined));
    if (this.#isBusy && !wasBusy) view.notice(`${this.#bot} is still busy; continuing without waiting`);
    const [account] = offline.runtime.status.accounts;
    const notice = suspensionNotice(account!.plugins, offline.net.clock.now());
    if (notice !== undefined) view.notice(notice);
  }
}
