import { escapeUnsafe } from '../../util/escape.ts';
import { formatBytes, formatSpan, pluralize } from '../../util/printable.ts';
import { fitWidth } from '../terminal/width.ts';
import {
  BOT_COLUMNS,
  CHANNEL_COLUMNS,
  columnsWithin,
  SESSION_COLUMNS,
  sortedBy,
  tableLine,
  type TopColumn,
} from './columns.ts';
import { compact, sparkline } from './figures.ts';
import type { TopView } from './rates.ts';

/** The tables, in the order in which they are shown. */
export const TABLES = ['sessions', 'channels', 'bots'] as const;
export type TableName = (typeof TABLES)[number];

/** What the tables are called. */
const NAMES: { readonly [T in TableName]: string } = {
  sessions: 'sessions',
  channels: 'private connections',
  bots: 'bots',
};

/** The table behind another one; bots are left out where there are none. */
export function nextTable(table: TableName, view: TopView | undefined): TableName {
  const shown = TABLES.filter((name) => name !== 'bots' || (view?.bots.length ?? 0) > 0);
  return shown[(shown.indexOf(table) + 1) % shown.length]!;
}

/** What a person has chosen, and how much room there is. */
export interface ScreenState {
  readonly columns: number;
  readonly rows: number;
  readonly table: TableName;
  /** The index of the column that the table is sorted by. */
  readonly sortedBy: number;
  /** So many rows are above the first that is shown. */
  readonly scrolled: number;
  readonly isPaused: boolean;
  /** Why there is no answer, and for how long, in milliseconds. */
  readonly gone: { readonly why: string; readonly forMs: number } | undefined;
}

/** How a line looks; on a terminal without colour, each look is still told apart by its words. */
export type Look = 'plain' | 'head' | 'dim' | 'alert';

export interface ScreenLine {
  readonly text: string;
  readonly look: Look;
}

/** So many limits that act are named. */
const MAX_ACTING = 3;

const line = (text: string, look: Look = 'plain'): ScreenLine => ({ text, look });

/** The lines of a screen, from its top: none is wider than it, and they are not more than it has rows. */
export function screenLines(view: TopView | undefined, state: ScreenState): ScreenLine[] {
  const { columns, rows, gone } = state;
  const lines = gone ? [line(`NO ANSWER for ${formatSpan(gone.forMs)}, retrying`, 'alert'), line(gone.why)] : [];
  const foot = [line(footText(state, view), 'dim')];
  if (view) {
    lines.push(...summary(view, columns).map((text) => line(text, gone ? 'dim' : 'plain')));
    for (const { count, what } of view.acting.slice(0, MAX_ACTING)) lines.push(line(`! ${count} ${what}`, 'alert'));
    lines.push(line(''));
    lines.push(...tableLines(view, state, rows - lines.length - foot.length));
  }
  const body = lines.slice(0, Math.max(rows - foot.length, 0));
  while (body.length < rows - foot.length) body.push(line(''));
  return [...body, ...foot].slice(0, rows).map(({ text, look }) => line(fitWidth(escapeUnsafe(text), columns), look));
}

/** Lines of a snapshot for a script: as wide as they are, without a screen. */
export function plainLines(view: TopView): string[] {
  const columns = 200;
  const tables = [
    ...tableOf(view.sessions, SESSION_COLUMNS, SESSION_COLUMNS[1]!, columns),
    ...(view.channels?.length ? ['', ...tableOf(view.channels, CHANNEL_COLUMNS, CHANNEL_COLUMNS[1]!, columns)] : []),
    ...(view.bots.length > 0 ? ['', ...tableOf(view.bots, BOT_COLUMNS, BOT_COLUMNS[1]!, columns)] : []),
  ];
  const acting = view.acting.map(({ count, what }) => `! ${count} ${what}`);
  return [...summary(view, columns), ...acting, '', ...tables].map((text) => escapeUnsafe(text).trimEnd());
}

/** What is known of the server, in as many lines as the width takes. */
function summary({ server, rates, course }: TopView, columns: number): string[] {
  const { version, pid, uptimeMs, memoryBytes, addresses, clients, connections, channels, queuedBytes } = server;
  const process = [
    `chatosbot ${version}`,
    `up ${formatSpan(uptimeMs)}`,
    formatBytes(memoryBytes),
    `process ${pid}`,
    ...addresses,
  ];
  const now = [
    pluralize(clients, 'session'),
    `${channels} private`,
    pluralize(connections, 'connection'),
    `${formatBytes(queuedBytes)} waiting`,
  ];
  const per = rates
    ? [
        `${compact(rates.messages, 1_000)} messages/s`,
        `${formatBytes(Math.round(rates.relayedBytes))}/s relayed`,
        `${compact(rates.accepted, 1_000)} connections/s`,
        `${compact(rates.refused, 1_000)} refused/s`,
      ]
    : ['measuring rates'];
  const lines = [process, now, per].map((parts) => joined(parts, columns));
  const title = 'messages/s ';
  const room = columns - title.length;
  return course.length > 1 && room > 10 ? [...lines, title + sparkline(course, Math.min(room, 60))] : lines;
}

/** As many of the parts as there is room for. */
function joined([first = '', ...parts]: readonly string[], columns: number): string {
  let text = first;
  for (const part of parts) {
    const longer = `${text}, ${part}`;
    if (longer.length > columns) break;
    text = longer;
  }
  return text;
}

function tableLines(view: TopView, state: ScreenState, room: number): ScreenLine[] {
  const { table, scrolled } = state;
  if (table === 'channels' && !view.channels)
    return [line('private connections: over the control socket alone', 'dim')];
  const [head = '', ...body] = chosenTable(view, state);
  const from = Math.min(scrolled, Math.max(body.length - 1, 0));
  const shown = body.slice(from, from + Math.max(room - 1, 0));
  return [line(head, 'head'), ...shown.map((text) => line(text, state.gone ? 'dim' : 'plain'))];
}

function chosenTable(
  { sessions, channels = [], bots }: TopView,
  { table, sortedBy: by, columns }: ScreenState,
): string[] {
  if (table === 'channels') return tableOf(channels, CHANNEL_COLUMNS, sortColumn(CHANNEL_COLUMNS, by), columns);
  if (table === 'bots') return tableOf(bots, BOT_COLUMNS, sortColumn(BOT_COLUMNS, by), columns);
  return tableOf(sessions, SESSION_COLUMNS, sortColumn(SESSION_COLUMNS, by), columns);
}

/** The columns that each may be sorted by. */
export const COLUMNS: { readonly [T in TableName]: readonly { readonly title: string }[] } = {
  sessions: SESSION_COLUMNS,
  channels: CHANNEL_COLUMNS,
  bots: BOT_COLUMNS,
};

const sortColumn = <T>(columns: readonly TopColumn<T>[], index: number): TopColumn<T> =>
  columns[index % columns.length]!;

/** Its titles, then a line for each row. */
function tableOf<T>(
  rows: readonly T[],
  columns: readonly TopColumn<T>[],
  sorted: TopColumn<T>,
  width: number,
): string[] {
  const chosen = columnsWithin(columns, sorted, width);
  return [
    tableLine(chosen, width, ({ title }) => title),
    ...sortedBy(rows, sorted).map((row) => tableLine(chosen, width, ({ of }) => of(row))),
  ];
}

function footText({ columns, table, sortedBy: index, isPaused }: ScreenState, view: TopView | undefined): string {
  const { title } = COLUMNS[table][index % COLUMNS[table].length]!;
  const parts = [
    `s sort: ${title.toLowerCase()}`,
    'q quit',
    `tab ${NAMES[nextTable(table, view)]}`,
    isPaused ? 'space GO ON' : 'space pause',
    'arrows scroll',
  ];
  return joined(parts, columns);
}
