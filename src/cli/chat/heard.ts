import { loginKey } from '../../util/login-key.ts';

/** Users and commands that are remembered; of more, the oldest are forgotten. */
const MAX_KEPT = 500;

/** A command of a bot, as it stands in what is said. */
const COMMAND = /(?<!\S)![\p{L}\p{N}][\p{L}\p{N}_-]{0,31}/gu;

/** Who was heard in a chat, and which commands of bots were. */
export class Heard {
  readonly #users = new Map<string, { readonly login: string; readonly at: number }>();
  readonly #commands = new Set<string>();

  note(login: string, text = ''): void {
    const key = loginKey(login);
    this.#users.delete(key);
    this.#users.set(key, { login, at: Date.now() });
    if (this.#users.size > MAX_KEPT) this.#users.delete(this.#users.keys().next().value!);
    this.noteCommands(text);
  }

  noteCommands(text: string): void {
    for (const [command] of text.matchAll(COMMAND)) if (this.#commands.size < MAX_KEPT) this.#commands.add(command);
  }

  /** The users, the last one first, and when each was heard last. */
  get users(): { readonly login: string; readonly at: number }[] {
    return [...this.#users.values()].toReversed();
  }

  get commands(): string[] {
    return [...this.#commands];
  }
}
