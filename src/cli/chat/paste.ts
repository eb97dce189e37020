import { StringDecoder } from 'node:string_decoder';

/** Asks the terminal to mark what is pasted, and not to. */
export const MARK_PASTES = '\u001B[?2004h';
export const MARK_NO_PASTES = '\u001B[?2004l';

const BEGIN = '\u001B[200~';
const END = '\u001B[201~';
const CTRL_C = '\u0003';
/** A terminal writes a mark at once: what has not gone on for so long is none. */
const HOLD_MS = 50;
/** What may be pasted at once; more is dropped. */
export const MAX_PASTE_CHARS = 64 * 1024;

export interface PasteHandlers {
  /** What was typed. */
  onKeys(keys: string): void;
  /** A text that was pasted; `undefined` for one that is too long. */
  onPaste(text: string | undefined): void;
}

/** Tells what is typed at a terminal from what is pasted. */
export class PasteSplitter {
  readonly #handlers: PasteHandlers;
  readonly #decoder = new StringDecoder('utf8');
  /** What was pasted so far, while a paste goes on. */
  #paste: string | undefined;
  #isTooLong = false;
  /** The beginning of a mark that may go on in the next chunk, or is a key: Escape. */
  #held = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(handlers: PasteHandlers) {
    this.#handlers = handlers;
  }

  push(chunk: Buffer): void {
    clearTimeout(this.#timer);
    const written = this.#decoder.write(chunk);
    let text = this.#held + written;
    this.#held = '';
    // The mark at the end of a paste may be lost on its way: the way out is then what it is everywhere.
    if (this.#paste !== undefined && written === CTRL_C) {
      [this.#paste, this.#isTooLong] = [undefined, false];
      text = written;
    }
    while (text !== '') {
      const mark = this.#paste === undefined ? BEGIN : END;
      const at = text.indexOf(mark);
      if (at < 0) {
        const kept = heldBack(text, mark);
        this.#take(text.slice(0, text.length - kept));
        if (kept > 0) {
          this.#held = text.slice(-kept);
          this.#timer = setTimeout(() => this.flush(), HOLD_MS);
        }
        return;
      }
      this.#take(text.slice(0, at));
      text = text.slice(at + mark.length);
      if (this.#paste === undefined) this.#paste = '';
      else this.#end();
    }
  }

  /** Nothing more comes of what is held back. */
  flush(): void {
    clearTimeout(this.#timer);
    const held = this.#held;
    this.#held = '';
    this.#take(held);
  }

  #take(text: string): void {
    if (text === '') return;
    if (this.#paste === undefined) {
      this.#handlers.onKeys(text);
    } else if (this.#paste.length + text.length > MAX_PASTE_CHARS) {
      this.#isTooLong = true;
    } else {
      this.#paste += text;
    }
  }

  #end(): void {
    const text = this.#isTooLong ? undefined : this.#paste;
    this.#paste = undefined;
    this.#isTooLong = false;
    this.#handlers.onPaste(text);
  }
}

/** How much of the end of a text may be the beginning of a mark. */
function heldBack(text: string, mark: string): number {
  for (let length = Math.min(mark.length - 1, text.length); length > 0; length -= 1) {
    if (mark.startsWith(text.slice(-length))) return length;
  }
  return 0;
}

/** The lines of a pasted text, without what would move a cursor. */
export function pastedLines(text: string): string[] {
  const lines = text.split(/\r\n|\r|\n/).map((line) => line.replaceAll('\t', ' ').replaceAll(/\p{Cc}/gu, ''));
  while (lines.length > 1 && lines.at(-1) === '') lines.pop();
  return lines;
}
