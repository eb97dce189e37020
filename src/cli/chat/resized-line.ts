import process from 'node:process';
import type { Interface } from 'node:readline';

const ASK_FOR_CURSOR = '\u001B[6n';
const CURSOR = /\u001B\[\d+;(\d+)R/g;
/** A terminal that has not answered by then is not asked again. */
const PATIENCE_MS = 2_000;
/** More than anybody types until then. */
const MAX_INPUT_BYTES = 64 * 1024;

/**
 * Finds the line that is typed after the terminal was resized. Most terminals break lines anew then, the one with the
 * cursor too; some leave that one to the program. Going up too far would erase what stands above it, so the terminal is
 * asked in which column the cursor is now; what is typed meanwhile is kept.
 */
export class ResizedLine {
  readonly #lines: Interface;
  readonly #onFound: (rowsAbove: number, input: Buffer) => void;
  /** How wide the terminal was when the line was drawn. */
  #drawnColumns = process.stderr.columns;
  #isLost = false;
  /** Questions that the terminal has not answered. */
  #questions = 0;
  #column: number | undefined;
  /** What was typed while the line was lost, a byte a character. */
  #input = '';
  #timer: NodeJS.Timeout | undefined;
  /** Whether this terminal breaks the line anew, once that is known; tmux does. */
  #breaksAnew = process.env['TMUX'] ? true : undefined;
  #answers = true;

  /** @param onFound told how many rows of the line are above the cursor, and what was typed meanwhile */
  constructor(lines: Interface, onFound: (rowsAbove: number, input: Buffer) => void) {
    this.#lines = lines;
    this.#onFound = onFound;
    process.stderr.on('resize', this.#onResize);
  }

  /** Whether the line is being looked for: nothing must be drawn then. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** Takes what comes from the terminal; returns what of it was typed, and may be used now. */
  take(chunk: Buffer): Buffer {
    if (this.#questions === 0) return chunk;
    const text = (this.#input + chunk.toString('latin1')).replace(CURSOR, (_, column: string) => {
      this.#questions -= 1;
      this.#column = Number(column) - 1;
      return '';
    });
    if (!this.#isLost) return Buffer.from(text, 'latin1');
    this.#input = text;
    // The terminal may have been resized again since it answered.
    if (this.#questions === 0) this.#found(this.#column);
    else if (text.length > MAX_INPUT_BYTES) this.#found(undefined);
    return Buffer.alloc(0);
  }

  close(): void {
    process.stderr.off('resize', this.#onResize);
    clearTimeout(this.#timer);
  }

  readonly #onResize = (): void => {
    if (!this.#isLost && process.stderr.columns === this.#drawnColumns) return;
    this.#isLost = true;
    clearTimeout(this.#timer);
    if (this.#answers) {
      this.#questions += 1;
      process.stderr.write(ASK_FOR_CURSOR);
    }
    this.#timer = setTimeout(() => this.#found(undefined), this.#answers ? PATIENCE_MS : 0);
  };

  #found(column: number | undefined): void {
    clearTimeout(this.#timer);
    this.#isLost = false;
    this.#answers &&= column !== undefined;
    const rows = this.#rowsAbove(column);
    const input = Buffer.from(this.#input, 'latin1');
    this.#input = '';
    this.#drawnColumns = process.stderr.columns;
    this.#onFound(rows, input);
  }

  #rowsAbove(column: number | undefined): number {
    const { columns } = process.stderr;
    const anew = this.#lines.getCursorPos();
    const drawn = this.#positionWhenDrawn();
    const stayed = Math.min(drawn.cols, columns - 1);
    if (column !== undefined && anew.cols !== stayed && [anew.cols, stayed].includes(column)) {
      this.#breaksAnew = column === anew.cols;
    }
    if (this.#breaksAnew === undefined) return Math.min(anew.rows, drawn.rows);
    return this.#breaksAnew ? anew.rows : drawn.rows;
  }

  /** Where the cursor was in the line, as wide as the terminal was. */
  #positionWhenDrawn(): { readonly rows: number; readonly cols: number } {
    const asDrawn = Object.create(this.#lines, { columns: { value: this.#drawnColumns } }) as Interface;
    return asDrawn.getCursorPos();
  }
}
