import { randomBytes } from 'node:crypto';
import { MAX_OFFERED_ITEMS, OFFER_ID_BYTES, type Offer, type OfferedItem } from './offer.ts';
import { walk, type Source, type WalkRules } from './walk.ts';

/**
 * Looks at everything that is to be sent, and counts it: what is kept is the offer.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where something cannot be sent
 */
export async function scan(sources: readonly Source[], rules: WalkRules, signal: AbortSignal): Promise<Offer> {
  let entries = 0;
  let bytes = 0;
  const items: OfferedItem[] = [];
  for (const source of sources) {
    let first: OfferedItem | undefined;
    let size = 0;
    for await (const entry of walk([source], rules)) {
      signal.throwIfAborted();
      first ??= { kind: entry.kind, name: source.name, size: 0 };
      entries += 1;
      size += entry.size;
    }
    bytes += size;
    if (first && items.length < MAX_OFFERED_ITEMS) items.push({ ...first, size });
  }
  return { kind: 'files', id: randomBytes(OFFER_ID_BYTES), entries, bytes, items, itemCount: sources.length };
}

/** The offer of a stream of bytes; `0` where it is not known how many there are. */
export function streamOffer(name: string, bytes: number): Offer {
  const items: OfferedItem[] = [{ kind: 'file', name, size: bytes }];
  return { kind: 'stream', id: randomBytes(OFFER_ID_BYTES), entries: 1, bytes, items, itemCount: 1 };
}
