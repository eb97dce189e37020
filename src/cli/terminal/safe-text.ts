import { StringDecoder } from 'node:string_decoder';
import { escapeUnsafe } from '../../util/escape.ts';

/**
 * Makes bytes from the network safe for a terminal, chunk by chunk: lines and tabs stay, and everything else that a
 * terminal would obey is written as text, as `\e`. What cannot be judged yet is held back until the next chunk.
 */
export class SafeText {
  readonly #decoder = new StringDecoder('utf8');
  #held = '';

  /** The text of the next bytes. */
  write(bytes: Buffer): string {
    return this.#escape(this.#held + this.#decoder.write(bytes));
  }

  /** What has been held back. */
  end(): string {
    return escapeUnsafe(this.#held + this.#decoder.end());
  }

  #escape(text: string): string {
    // Harmless before a line feed only, which may be the next character.
    this.#held = text.endsWith('\r') ? '\r' : '';
    const parts = text.slice(0, text.length - this.#held.length).split(/(\r?\n|\t)/);
    return parts.map((part, index) => (index % 2 === 1 ? part : escapeUnsafe(part))).join('');
  }
}
