import { loginKey } from '../../util/login-key.ts';
import { matchesLogin } from '../../policy/login-glob.ts';
import type { Context, Message } from './context.ts';

/** Which messages a handler gets: those that all of these keys match. */
export interface MessageFilter {
  /** A string: the whole text. A pattern: anywhere in it; the message then has its `match`. */
  readonly text?: string | RegExp;
  /** The sender: a login or a list of them, with `*` and `?` as wildcards. */
  readonly from?: string | readonly string[];
  /** `true`: sent to the bot alone. `false`: sent to everyone. */
  readonly private?: boolean;
  /**
   * Whether it is for the bot: sent to it alone, or beginning with its login (`dice: …`, `dice, …`, `@dice …`), or with
   * `@dice` in it. The message then has its `rest`: the text without the beginning.
   */
  readonly addressed?: boolean;
}

/** A message, narrowed by its filter. @internal */
export type FilteredMessage<Filter> = Message &
  (Filter extends { readonly text: RegExp }
    ? { readonly match: RegExpExecArray }
    : Filter extends { readonly text: infer Text }
      ? { readonly text: Text }
      : unknown) &
  (Filter extends { readonly private: infer Private } ? { readonly private: Private } : unknown) &
  (Filter extends { readonly addressed: true } ? { readonly rest: string } : unknown);

// The type of a method, so that a plugin with options of its own is a plugin like any.
/** A function that gets messages. */
export type MessageHandler<Options> = { hear(message: Message, ctx: Context<Options>): unknown }['hear'];

/** Handlers with their filters: the first that matches is called. @internal */
export type FilteredHandlers<Filters extends readonly unknown[], Options> = {
  readonly [Index in keyof Filters]: {
    readonly when: Filters[Index] &
      MessageFilter & {
        // An unknown key is an error.
        readonly [Key in Exclude<keyof Filters[Index], keyof MessageFilter>]: never;
      };
    run(message: FilteredMessage<Filters[Index]>, ctx: Context<Options>): unknown;
  };
};

/** Makes one function from handlers with filters: it calls the first that matches. */
export function firstMatching<Options>(
  handlers: readonly { when: MessageFilter; run(message: Message, ctx: Context<Options>): unknown }[],
): MessageHandler<Options> {
  return (message, ctx) => {
    for (const handler of handlers) {
      const matched = matchMessage(handler.when, message, ctx.login);
      if (matched) return handler.run(matched, ctx);
    }
    return undefined;
  };
}

/** The message, with what its filter adds; `undefined` if the filter does not match. */
function matchMessage(filter: MessageFilter, message: Message, login: string): Message | undefined {
  if (filter.addressed === undefined) return matchOthers(filter, message);
  const rest = restFor(login, message);
  if ((rest !== undefined) !== filter.addressed) return undefined;
  const matched = matchOthers(filter, message);
  return matched && rest !== undefined ? Object.assign({}, matched, { rest }) : matched;
}

/** What a message says to the bot with this login; `undefined` if it is not for it. */
function restFor(login: string, { text, private: isPrivate }: Message): string | undefined {
  const name = loginKey(login).replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  const said = text.normalize('NFC');
  const start = new RegExp(`^\\s*(?:@${name}(?![\\p{L}\\p{N}_-])[:,]?|${name}\\s?[:,])\\s*`, 'iu').exec(said);
  if (start) return said.slice(start[0].length);
  const isNamed = new RegExp(`(?<![\\p{L}\\p{N}])@${name}(?![\\p{L}\\p{N}_-])`, 'iu').test(said);
  return isPrivate || isNamed ? text : undefined;
}

/** The message, with the `match` of a pattern; `undefined` if the filter does not match. */
function matchOthers(filter: MessageFilter, message: Message): Message | undefined {
  if (filter.private !== undefined && filter.private !== message.private) return undefined;
  if (filter.from !== undefined) {
    const patterns = typeof filter.from === 'string' ? [filter.from] : filter.from;
    if (!patterns.some((pattern) => matchesLogin(pattern, message.from))) return undefined;
  }
  if (filter.text === undefined) return message;
  if (typeof filter.text === 'string') return filter.text === message.text ? message : undefined;
  // With the flags g and y, a pattern keeps its position from the last message.
  filter.text.lastIndex = 0;
  const match = filter.text.exec(message.text);
  return match ? Object.assign({}, message, { match }) : undefined;
}
