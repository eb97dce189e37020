import type { ClassicLevel } from 'classic-level';
import { ChatosError } from '../../errors.ts';

/**
 * How a store lies in its database. An entry's key has that of its space in front, its value is JSON. The key `meta` has
 * the version of the format and the sizes; it is written in the batch that changes them, so that it is exact whenever the
 * process is killed.
 */
export type Level = ClassicLevel;

const PREFIX = { own: 'k:', records: 'r:' } as const;
/** The plugin's own entries, and those of the runtime about it. */
export type Space = keyof typeof PREFIX;
const SPACES = Object.keys(PREFIX) as Space[];

export const META_KEY = 'meta';
const FORMAT = 1;

/** What is kept in a space; `bytes` are those of keys and of values as JSON. */
export interface SpaceUsage {
  readonly entries: number;
  readonly bytes: number;
}
export type StoreUsage = Readonly<Record<Space, SpaceUsage>>;

export const fullKey = (space: Space, key: string): string => PREFIX[space] + key;
export const ownKey = (full: string): string => full.slice(2);

/** The keys of a space: `;` comes next after `:`. */
export const keyRange = (space: Space): { gte: string; lt: string } => ({
  gte: PREFIX[space],
  lt: PREFIX[space].replace(':', ';'),
});

export const sizeOf = (key: string, text: string): number => Buffer.byteLength(key) + Buffer.byteLength(text);

export const metaText = (usage: StoreUsage): string => JSON.stringify({ format: FORMAT, usage });

/**
 * The sizes that a store has written down; `undefined` where it is new.
 *
 * @throws {ChatosError} `STORE_UNAVAILABLE` where it is of a later format
 */
export function readMeta(text: string | undefined): StoreUsage | undefined {
  if (text === undefined) return undefined;
  const { format, usage } = JSON.parse(text) as { format: number; usage: StoreUsage };
  if (format === FORMAT) return usage;
  throw new ChatosError('STORE_UNAVAILABLE', `the store has format ${format}, of a later chatosbot: update this one`);
}

/**
 * Counts what a store holds.
 *
 * @param onGarbled called with what can be no entry, as its value is no JSON; such are left out of the count
 */
export async function countUsage(level: Level, onGarbled: (fullKey: string) => void = () => {}): Promise<StoreUsage> {
  const usage = { own: { entries: 0, bytes: 0 }, records: { entries: 0, bytes: 0 } };
  for await (const [key, text] of level.iterator()) {
    if (key === META_KEY) continue;
    const space = SPACES.find((each) => key.startsWith(PREFIX[each]));
    if (space === undefined || !isJson(text)) {
      onGarbled(key);
      continue;
    }
    usage[space].entries += 1;
    usage[space].bytes += sizeOf(ownKey(key), text);
  }
  return usage;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
