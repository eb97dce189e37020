import type { HeardEvent } from '../../bot/events.ts';
import { diffBags, diffLists, type DiffLine } from './difference.ts';
import type { Saying, Transcript } from './transcript.ts';

/** Where a bot behaves otherwise than in the recording. */
export type Difference<Heard = HeardEvent> =
  /** Its answers to a message. */
  | { readonly about: 'message'; readonly heard: Heard; readonly lines: readonly DiffLine<Saying>[] }
  /** What it said because of a peer, but not of a message of the peer. */
  | { readonly about: 'peer'; readonly peer: string; readonly lines: readonly DiffLine<Saying>[] }
  /** What it said by itself. */
  | { readonly about: 'unprompted'; readonly lines: readonly DiffLine<Saying>[] }
  /** What became of the private connections that a peer asked for, or of those that a bot asked a peer for. */
  | { readonly about: 'decisions' | 'requests'; readonly peer: string; readonly lines: readonly DiffLine<string>[] };

/**
 * Compares what bots did with what they do. The order counts within the messages to one addressee. The order among
 * addressees is chance, and so is that of unprompted messages.
 */
export function compareTranscripts<Heard>(was: Transcript<Heard>, is: Transcript): Difference<Heard>[] {
  const differences: Difference<Heard>[] = [];
  for (const [index, { heard, said }] of was.messages.entries()) {
    const lines = diffSayings(said, is.messages[index]?.said ?? []);
    if (isDifferent(lines)) differences.push({ about: 'message', heard, lines });
  }
  for (const [peer, before, now] of pairs(was.toPeers, is.toPeers)) {
    const lines = diffSayings(before, now);
    if (isDifferent(lines)) differences.push({ about: 'peer', peer, lines });
  }
  for (const about of ['decisions', 'requests'] as const) {
    for (const [peer, before, now] of pairs(was[about], is[about])) {
      const lines = diffLists(before, now, (text) => text);
      if (isDifferent(lines)) differences.push({ about, peer, lines });
    }
  }
  const lines = diffBags(was.unprompted, is.unprompted, keyOf);
  if (isDifferent(lines)) differences.push({ about: 'unprompted', lines });
  return differences;
}

function diffSayings(was: readonly Saying[], is: readonly Saying[]): DiffLine<Saying>[] {
  const addressees = new Set([...was, ...is].map(({ to }) => to));
  return [...addressees].flatMap((addressee) => {
    const isMeant = ({ to }: Saying): boolean => to === addressee;
    return diffLists(was.filter(isMeant), is.filter(isMeant), keyOf);
  });
}

const keyOf = ({ to, text }: Saying): string => JSON.stringify([to, text]);

const isDifferent = (lines: readonly DiffLine<unknown>[]): boolean => lines.some(({ sign }) => sign !== ' ');

function* pairs<T>(
  was: ReadonlyMap<string, readonly T[]>,
  is: ReadonlyMap<string, readonly T[]>,
): Generator<[key: string, was: readonly T[], is: readonly T[]]> {
  for (const key of new Set([...was.keys(), ...is.keys()])) yield [key, was.get(key) ?? [], is.get(key) ?? []];
}
