import { clearLine, clearScreenDown, cursorTo, moveCursor, type Interface } from 'node:readline';
import process from 'node:process';

/** The parts of readline that are touched here and are not public. */
interface Internals extends Interface {
  prevRows: number;
  _getDisplayPos?(text: string): { readonly rows: number; readonly cols: number };
}

/** Erases what is on the terminal from so many rows above the cursor on, and puts the cursor there. */
export function eraseFrom(rowsAbove: number): void {
  const { stderr } = process;
  moveCursor(stderr, 0, -rowsAbove);
  clearLine(stderr, 0);
  // From the very corner, some terminals keep in their scrollback what is erased.
  cursorTo(stderr, 1);
  clearScreenDown(stderr);
  cursorTo(stderr, 0);
}

/**
 * Draws a line that does not fit on the terminal: the rows around the cursor that do. Readline would take the top of the
 * screen for the beginning of the line, and show the cursor where it is not.
 */
export class TallLine {
  readonly #lines: Internals;
  /** How many rows of the line are shown above the cursor, while not all of them are. */
  #rowsShown: number | undefined;

  constructor(lines: Interface) {
    this.#lines = lines as Internals;
    const prototype = Object.getPrototypeOf(Object.getPrototypeOf(lines) as object) as object;
    const key = Object.getOwnPropertySymbols(prototype).find(({ description }) => description === '_refreshLine');
    if (key === undefined || !this.#lines._getDisplayPos) return;
    const draw = Reflect.get(lines, key) as () => void;
    Object.defineProperty(lines, key, { value: () => this.#draw(() => draw.call(lines)) });
  }

  /** How many rows of the line are above the cursor on the screen. */
  get rowsAbove(): number {
    return this.#rowsShown ?? this.#lines.getCursorPos().rows;
  }

  /** At most so many rows of a line are shown: one stays for what was said above it. */
  get maxRows(): number {
    return Math.max((process.stderr.rows || Infinity) - 1, 1);
  }

  #draw(drawAll: () => void): void {
    const lines = this.#lines;
    const cursor = lines.getCursorPos();
    const text = lines.getPrompt() + lines.line;
    const isTall = lines._getDisplayPos!(text).rows >= this.maxRows;
    this.#rowsShown = undefined;
    if (!isTall) return drawAll();
    const rows = this.#rowsOf(text);
    // The cursor may stand behind the last row, on one that is empty.
    if (cursor.rows === rows.length) rows.push(' ');
    // As much as possible of what is before the cursor, and all that fits behind it.
    const end = Math.min(Math.max(cursor.rows + 1, this.maxRows), rows.length);
    const shown = rows.slice(Math.max(end - this.maxRows, 0), end);
    const above = shown.length - (end - cursor.rows);
    const { stderr } = process;
    eraseFrom(lines.prevRows);
    stderr.write(shown.join('\r\n'));
    moveCursor(stderr, 0, above - (shown.length - 1));
    cursorTo(stderr, cursor.cols);
    this.#rowsShown = above;
    lines.prevRows = above;
  }

  /** The text by rows, as readline breaks it. */
  #rowsOf(text: string): string[] {
    const lines = this.#lines;
    const { columns } = process.stderr;
    const rows: string[] = [];
    let row = '';
    let used = 0;
    for (const character of text) {
      const width = lines._getDisplayPos!(character).cols;
      if (used + width > columns) {
        rows.push(row);
        [row, used] = ['', 0];
      }
      row += character;
      used += width;
    }
    return [...rows, row];
  }
}
