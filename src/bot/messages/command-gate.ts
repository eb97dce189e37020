import type { Clock } from '../../util/clock.ts';
import { durationMs, type Duration } from '../../util/duration.ts';
import { loginKey } from '../../util/login-key.ts';
import { formatLength } from '../../util/printable.ts';
import { mayCall } from '../plugin/callers.ts';
import type { Command } from '../plugin/commands.ts';
import type { Context, Message } from '../plugin/context.ts';

/** Users whose last call of a command is remembered; beyond, the oldest are forgotten. */
const MAX_USERS = 10_000;

interface LastCalls {
  total: number;
  readonly byUser: Map<string, number>;
}

/** Whether a command may be called: from whom, where, and how often. */
export class CommandGate {
  readonly #clock: Clock;
  /** By command: a reload starts over. */
  readonly #calls = new WeakMap<Command, LastCalls>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Why a message may not call a command, as an answer; `undefined` if it may, as far as its sender is not to be judged. */
  closedTo(command: Command, shown: string, { from, private: isPrivate }: Message): string | undefined {
    if (!mayCall(command, from)) return notAllowed(shown);
    if (command.private === true && !isPrivate) return `Send ${shown} to me alone: it is for private messages.`;
    if (command.private === false && isPrivate) return `Send ${shown} to everyone: it is not for private messages.`;
    return undefined;
  }

  /** Why the plugin itself does not let the sender call a command; may throw what the plugin throws. */
  async refusal(command: Command, shown: string, from: string, ctx: Context): Promise<string | undefined> {
    if (typeof command.from !== 'function') return undefined;
    // Plugins may be JavaScript: only true is yes.
    const may: unknown = await command.from(from, ctx);
    return may === true ? undefined : notAllowed(shown);
  }

  /** Counts a call; or says, as an answer, that it comes too early. */
  tooEarly(command: Command, shown: string, from: string): string | undefined {
    const { perUser, total } = command.cooldown ?? {};
    const now = this.#clock.now().getTime();
    const calls = this.#calls.get(command) ?? { total: -Infinity, byUser: new Map<string, number>() };
    this.#calls.set(command, calls);
    const user = loginKey(from);
    const left = Math.max(leftMs(calls.total, total, now), leftMs(calls.byUser.get(user) ?? -Infinity, perUser, now));
    if (left > 0) return `Not yet: ${shown} can be called again in ${formatLength(Math.ceil(left / 1000) * 1000)}.`;
    calls.total = now;
    calls.byUser.delete(user);
    if (perUser !== undefined) calls.byUser.set(user, now);
    if (calls.byUser.size > MAX_USERS) calls.byUser.delete(calls.byUser.keys().next().value!);
    return undefined;
  }
}

function notAllowed(shown: string): string {
  return `You may not use ${shown}.`;
}

/** A clock that was set back makes nobody wait for longer. */
function leftMs(last: number, pause: Duration | undefined, now: number): number {
  if (pause === undefined || last > now) return 0;
  return last + durationMs(pause) - now;
}
