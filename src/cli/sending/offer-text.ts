import type { Offer } from '../../transfer/files/offer.ts';
import { escapeUnsafe } from '../../util/escape.ts';
import { formatBytes, pluralize } from '../../util/printable.ts';

/** What is offered, in a line: `3 files and folders, 1.2 MiB`. */
export function offerSummary({ kind, entries, bytes, items, itemCount }: Offer): string {
  const [first] = items;
  if (kind === 'stream') return bytes > 0 ? `a stream of ${formatBytes(bytes)}` : 'a stream';
  if (itemCount === 1 && first?.kind === 'file') return `${escapeUnsafe(first.name)}, ${formatBytes(bytes)}`;
  return `${pluralize(entries, 'entry').replace('entrys', 'entries')}, ${formatBytes(bytes)}`;
}

/** What is offered, a line for each file or folder that was named. */
export function offerLines({ kind: offerKind, items, itemCount }: Offer): string[] {
  const isStream = offerKind === 'stream';
  const lines = items.map(({ kind, name, size }) => {
    const shown = escapeUnsafe(name) + (kind === 'folder' ? '/' : '');
    // How much a stream will be is often not known.
    return isStream && size === 0 ? `  ${shown}` : `  ${shown}  ${formatBytes(size)}`;
  });
  return itemCount > items.length ? [...lines, `  and ${itemCount - items.length} more`] : lines;
}
