import { escapeUnsafe } from '../../util/escape.ts';
import { displayWidth, fitWidth } from './width.ts';

/** A column of a table; numbers are aligned to the right. */
export interface Column<T> {
  readonly title: string;
  readonly of: (row: T) => string | number;
}

/** Cells that are wider are cut. */
const MAX_CELL_COLUMNS = 80;

/** Lines of aligned columns under their titles; text from the network in them is made harmless. */
export function formatTable<T>(rows: readonly T[], columns: readonly Column<T>[]): string[] {
  const cells = columns.map(({ title, of }) => {
    const values = rows.map(of);
    const texts = [title, ...values.map((value) => cell(String(value)))];
    const width = Math.max(...texts.map(displayWidth));
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

function cell(text: string): string {
  const safe = escapeUnsafe(text);
  return displayWidth(safe) <= MAX_CELL_COLUMNS ? safe : fitWidth(safe, MAX_CELL_COLUMNS).trimEnd();
}
