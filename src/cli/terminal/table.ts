import { escapeUnsafe } from '../../util/escape.ts';
import { displayWidth, fitWidth, wrappedWords } from './width.ts';

/** A column of a table; numbers are aligned to the right. */
export interface Column<T> {
  readonly title: string;
  readonly of: (row: T) => string | number;
  /** The last one may be whole, however long it is: on a terminal, it goes on below itself. */
  readonly isWhole?: boolean;
}

/** Cells that are wider are cut. */
const MAX_CELL_COLUMNS = 80;

/** With less room beside the other columns, what is long is left for the terminal to wrap. */
const MIN_WHOLE_COLUMNS = 20;

/**
 * Lines of aligned columns under their titles; text from the network in them is made harmless.
 *
 * @param room how wide the terminal is; `undefined` without a terminal
 */
export function formatTable<T>(rows: readonly T[], columns: readonly Column<T>[], room?: number): string[] {
  const last = columns.at(-1);
  if (last?.isWhole) return withWhole(formatTable(rows, columns.slice(0, -1)), rows, last, room);
  const cells = columns.map(({ title, of }) => {
    const values = rows.map(of);
    const texts = [title, ...values.map((value) => cell(String(value)))];
    const width = widest(texts);
    const right = values.every((value) => typeof value === 'number');
    return texts.map((text) => fitWidth(text, width, right ? 'right' : 'left'));
  });
  return ['', ...rows].map((_, index) =>
    cells
      .map((column) => column[index])
      .join('  ')
      .trimEnd(),
  );
}

/** Lines of a table with one more column. */
function withWhole<T>(lines: string[], rows: readonly T[], { title, of }: Column<T>, room = Infinity): string[] {
  const texts = [title, ...rows.map((row) => escapeUnsafe(String(of(row))))];
  const at = widest(lines) + 2;
  const width = room - at < MIN_WHOLE_COLUMNS ? Infinity : room - at;
  return lines.flatMap((line, index) =>
    wrappedWords(texts[index]!, width).map((part, row) => (fitWidth(row === 0 ? line : '', at) + part).trimEnd()),
  );
}

/** How many columns the widest takes; there may be more of them than a function can have arguments. */
function widest(texts: readonly string[]): number {
  return texts.reduce((most, text) => Math.max(most, displayWidth(text)), 0);
}

function cell(text: string): string {
  const safe = escapeUnsafe(text);
  return displayWidth(safe) <= MAX_CELL_COLUMNS ? safe : fitWidth(safe, MAX_CELL_COLUMNS).trimEnd();
}
