import type { HeardEvent, RuntimeEvent } from '../../bot/events.ts';
import { loginKey } from '../../util/login-key.ts';

/** A message of a bot. */
export interface Saying {
  /** `undefined` for everyone. */
  readonly to: string | undefined;
  readonly text: string;
}

/** What an account heard and did, with the cause of each. */
export interface Transcript<Heard = HeardEvent> {
  /** The messages, and the answers to each. */
  readonly messages: readonly { readonly heard: Heard; readonly said: readonly Saying[] }[];
  /** What was said because of a peer, but not of a message: about its private connections. */
  readonly toPeers: ReadonlyMap<string, readonly Saying[]>;
  /** What no peer caused: schedules, `onStart` and `onStop`. */
  readonly unprompted: readonly Saying[];
  /** The outcome of the private connections that each peer asked for. */
  readonly decisions: ReadonlyMap<string, readonly string[]>;
  /** The outcome of those that the bots asked each peer for. */
  readonly requests: ReadonlyMap<string, readonly string[]>;
}

/** Groups events by their causes. Messages of the bots in `leftOut` are not included. */
export function transcribe<Event extends RuntimeEvent>(
  events: Iterable<Event>,
  leftOut: ReadonlySet<string | undefined> = new Set(),
): Transcript<Event & HeardEvent> {
  const messages = new Map<number, { heard: Event & HeardEvent; said: Saying[] }>();
  const toPeers = new Map<string, Saying[]>();
  const unprompted: Saying[] = [];
  const decisions = new Map<string, string[]>();
  const requests = new Map<string, string[]>();
  for (const event of events) {
    if (event.type === 'heard') {
      messages.set(event.number, { heard: event as Event & HeardEvent, said: [] });
    } else if (event.type === 'said') {
      const { bot, to, text, cause, answers } = event;
      if (leftOut.has(bot)) continue;
      const message = answers === undefined ? undefined : messages.get(answers);
      const list = message?.said ?? (cause === undefined ? unprompted : listOf(toPeers, cause));
      list.push({ to, text });
    } else if (event.type === 'decided') {
      listOf(decisions, event.from).push(event.decision);
    } else if (event.type === 'requested') {
      listOf(requests, event.to).push(event.outcome === 'opened' ? 'opened' : 'failed');
    }
  }
  return { messages: [...messages.values()], toPeers, unprompted, decisions, requests };
}

function listOf<T>(lists: Map<string, T[]>, peer: string): T[] {
  const key = loginKey(peer);
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}
