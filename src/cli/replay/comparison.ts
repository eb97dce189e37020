import type { HeardEvent, RuntimeEvent } from '../../bot/events.ts';
import { loginKey } from '../../util/login-key.ts';
import { diffBags, diffLists, type DiffLine } from './difference.ts';

/** A message of a bot; `to` is `undefined` for everyone. */
export interface Saying {
  readonly to: string | undefined;
  readonly text: string;
}

/** What an account said or did for one cause. */
interface Cause {
  /**
   * A `message` that it heard; a `peer`, but not a message of the peer; `unprompted`: schedules, `onStart` and `onStop`;
   * the `decisions` about the private connections that a peer asked for; the outcome of the `requests` of bots to a peer.
   */
  readonly about: 'message' | 'peer' | 'decisions' | 'requests' | 'unprompted';
  readonly heard?: HeardEvent & { readonly line?: number };
  readonly peer?: string;
}

/** What an account did for each cause, by the name of the cause. */
export type Transcript = ReadonlyMap<string, Cause & { readonly items: readonly (Saying | string)[] }>;

/** Where a bot behaves otherwise than in the recording. */
export type Difference = Cause & { readonly lines: readonly DiffLine<Saying | string>[] };

/** Groups events by their causes. Messages of the bots in `leftOut` are not included. */
export function transcribe(
  events: Iterable<RuntimeEvent & { readonly line?: number }>,
  leftOut: ReadonlySet<string | undefined> = new Set(),
): Transcript {
  const transcript = new Map<string, Cause & { items: (Saying | string)[] }>();
  const messages = new Map<number | undefined, (Saying | string)[]>();
  const itemsOf = (about: Cause['about'], name = '', more: Partial<Cause> = {}): (Saying | string)[] => {
    const key = `${about} ${loginKey(name)}`;
    const found = transcript.get(key) ?? { about, ...more, items: [] };
    transcript.set(key, found);
    return found.items;
  };
  const ofPeer = (about: Cause['about'], peer: string): (Saying | string)[] =>
    itemsOf(about, peer, { peer: loginKey(peer) });
  for (const event of events) {
    if (event.type === 'heard') {
      messages.set(event.number, itemsOf('message', String(messages.size), { heard: event }));
    } else if (event.type === 'said' && !leftOut.has(event.bot)) {
      const { to, text, cause, answers } = event;
      const items = messages.get(answers) ?? (cause === undefined ? itemsOf('unprompted') : ofPeer('peer', cause));
      items.push({ to, text });
    } else if (event.type === 'decided') {
      ofPeer('decisions', event.from).push(event.decision);
    } else if (event.type === 'requested') {
      ofPeer('requests', event.to).push(event.outcome === 'opened' ? 'opened' : 'failed');
    }
  }
  return transcript;
}

const ORDER: readonly Cause['about'][] = ['message', 'peer', 'decisions', 'requests', 'unprompted'];

/**
 * Compares what bots did with what they do. The order counts within the messages to one addressee. The order among
 * addressees is chance, and so is that of unprompted messages.
 */
export function compareTranscripts(was: Transcript, is: Transcript): Difference[] {
  const differences = Array.from(new Set([...was.keys(), ...is.keys()]), (name): Difference => {
    const { items: _, ...cause } = (was.get(name) ?? is.get(name))!;
    const [before, now] = [was.get(name)?.items ?? [], is.get(name)?.items ?? []];
    return { ...cause, lines: cause.about === 'unprompted' ? diffBags(before, now, keyOf) : diffItems(before, now) };
  });
  return differences
    .filter(({ lines }) => lines.some(({ sign }) => sign !== ' '))
    .toSorted((a, b) => ORDER.indexOf(a.about) - ORDER.indexOf(b.about));
}

function diffItems(was: readonly (Saying | string)[], is: readonly (Saying | string)[]): DiffLine<Saying | string>[] {
  return [...new Set([...was, ...is].map(addresseeOf))].flatMap((addressee) => {
    const isMeant = (item: Saying | string): boolean => addresseeOf(item) === addressee;
    return diffLists(was.filter(isMeant), is.filter(isMeant), keyOf);
  });
}

const keyOf = (item: Saying | string): string => JSON.stringify(item);

const addresseeOf = (item: Saying | string): string | undefined => (typeof item === 'string' ? undefined : item.to);
