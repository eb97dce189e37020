import { escapeUnsafe } from '../../util/escape.ts';
import { fitWidth } from '../terminal/width.ts';
import { compact, compactSpan } from './figures.ts';
import type { BotRow, ChannelRow, SessionRow } from './rates.ts';

/** A column of a table of `top`: those that come first stay where the terminal is narrow. */
export interface TopColumn<T> {
  readonly title: string;
  readonly width: number;
  /** One column of a table gets what is left of the width. */
  readonly grows?: boolean;
  readonly of: (row: T) => string;
  /** What rows are sorted by, the most first; a text comes in alphabetic order. */
  readonly sort: (row: T) => number | string;
}

const rate = (value: number | undefined): string => (value === undefined ? '-' : compact(value));

export const SESSION_COLUMNS: readonly TopColumn<SessionRow>[] = [
  {
    title: 'LOGIN',
    width: 12,
    grows: true,
    of: ({ login }) => (login === '' ? '-' : escapeUnsafe(login)),
    sort: ({ login }) => login,
  },
  { title: 'WAITING', width: 7, of: ({ queuedBytes }) => compact(queuedBytes), sort: ({ queuedBytes }) => queuedBytes },
  { title: 'IN/S', width: 6, of: (row) => rate(row.inPerSecond), sort: (row) => row.inPerSecond ?? 0 },
  { title: 'OUT/S', width: 6, of: (row) => rate(row.outPerSecond), sort: (row) => row.outPerSecond ?? 0 },
  { title: 'IDLE', width: 5, of: ({ idleMs }) => compactSpan(idleMs), sort: ({ idleMs }) => idleMs },
  { title: 'FROM', width: 15, of: (row) => escapeUnsafe(row.remoteAddress), sort: (row) => row.remoteAddress },
  {
    title: 'AGE',
    width: 5,
    of: ({ connectedAt }) => (connectedAt ? compactSpan(Date.now() - connectedAt.getTime()) : '-'),
    sort: ({ connectedAt }) => (connectedAt ? Date.now() - connectedAt.getTime() : 0),
  },
  { title: 'PACKETS', width: 8, of: ({ packets = 0 }) => compact(packets, 1_000), sort: ({ packets }) => packets ?? 0 },
  { title: 'IN', width: 6, of: ({ bytesReceived }) => rate(bytesReceived), sort: (row) => row.bytesReceived ?? 0 },
  { title: 'OUT', width: 6, of: ({ bytesSent }) => rate(bytesSent), sort: (row) => row.bytesSent ?? 0 },
  { title: 'ON', width: 28, of: ({ listener }) => escapeUnsafe(listener ?? '-'), sort: (row) => row.listener ?? '' },
];

export const CHANNEL_COLUMNS: readonly TopColumn<ChannelRow>[] = [
  {
    title: 'PRIVATE CONNECTION',
    width: 18,
    grows: true,
    of: ({ requester, target }) => escapeUnsafe(`${requester.login} - ${target.login}`),
    sort: ({ requester }) => requester.login,
  },
  { title: 'BYTES/S', width: 7, of: ({ perSecond }) => compact(perSecond), sort: ({ perSecond }) => perSecond },
  { title: 'WAITING', width: 7, of: ({ queuedBytes }) => compact(queuedBytes), sort: ({ queuedBytes }) => queuedBytes },
  { title: 'BYTES', width: 6, of: ({ bytes }) => compact(bytes), sort: ({ bytes }) => bytes },
  {
    title: 'AGE',
    width: 5,
    of: ({ since }) => compactSpan(Date.now() - since.getTime()),
    sort: ({ since }) => Date.now() - since.getTime(),
  },
  {
    title: 'FROM',
    width: 33,
    of: ({ halves: [one, two] }) => escapeUnsafe(`${one.remoteAddress}, ${two.remoteAddress}`),
    sort: ({ halves: [one] }) => one.remoteAddress,
  },
];

export const BOT_COLUMNS: readonly TopColumn<BotRow>[] = [
  { title: 'BOT', width: 12, grows: true, of: ({ name }) => escapeUnsafe(name), sort: ({ name }) => name },
  { title: 'STATE', width: 9, of: ({ state }) => escapeUnsafe(state), sort: ({ state }) => state },
  { title: 'CALLS/S', width: 7, of: (row) => rate(row.callsPerSecond), sort: (row) => row.callsPerSecond ?? 0 },
  { title: 'CALLS', width: 8, of: ({ calls }) => compact(calls, 1_000), sort: ({ calls }) => calls },
  { title: 'FAILED', width: 6, of: ({ failures }) => compact(failures, 1_000), sort: ({ failures }) => failures },
  { title: 'SKIPPED', width: 7, of: ({ skipped }) => compact(skipped, 1_000), sort: ({ skipped }) => skipped },
  { title: 'ACCOUNT', width: 12, of: ({ login }) => escapeUnsafe(login), sort: ({ login }) => login },
];

/** Columns of texts, besides the one that grows. */
const TEXTS = new Set(['FROM', 'ON', 'STATE', 'ACCOUNT']);

const GAP = 2;

/** The columns that a terminal has room for; the one that is sorted by among them. */
export function columnsWithin<T>(
  columns: readonly TopColumn<T>[],
  sorted: TopColumn<T>,
  width: number,
): readonly TopColumn<T>[] {
  const chosen: TopColumn<T>[] = [];
  let used = 0;
  const byNeed = [...columns.filter(({ grows }) => grows), sorted, ...columns];
  for (const column of byNeed) {
    if (chosen.includes(column)) continue;
    const more = column.width + (used === 0 ? 0 : GAP);
    if (used + more > width) break;
    chosen.push(column);
    used += more;
  }
  return columns.filter((column) => chosen.includes(column));
}

/** A line of a table. Numbers, and their titles, are aligned to the right. */
export function tableLine<T>(
  columns: readonly TopColumn<T>[],
  width: number,
  cellOf: (column: TopColumn<T>) => string,
): string {
  const fixed = columns.reduce((sum, column) => sum + column.width, 0) + GAP * (columns.length - 1);
  // A column is never much wider than what a login takes.
  const spare = Math.min(Math.max(width - fixed, 0), 24);
  return columns
    .map((column) => {
      const isText = column.grows === true || TEXTS.has(column.title);
      const columnWidth = column.width + (column.grows ? spare : 0);
      return fitWidth(cellOf(column), columnWidth, isText ? 'left' : 'right');
    })
    .join(' '.repeat(GAP));
}

/** The rows, the most first. */
export function sortedBy<T>(rows: readonly T[], { sort }: TopColumn<T>): readonly T[] {
  const keyed = rows.map((row) => ({ row, key: sort(row) }));
  keyed.sort(({ key: one }, { key: other }) =>
    typeof one === 'number' ? Number(other) - one : one.localeCompare(String(other), 'en'),
  );
  return keyed.map(({ row }) => row);
}
