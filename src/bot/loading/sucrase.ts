import { createRequire } from 'node:module';
import type { IdentifierRole, Token } from 'sucrase/dist/types/parser/tokenizer/index.js';
import type { TokenType } from 'sucrase/dist/types/parser/tokenizer/types.js';

const require = createRequire(import.meta.url);
/** What the build makes of src/sucrase.js: one file, the same from src/ and from dist/. */
const BUILT = '../../../dist/vendor/sucrase.cjs';

interface Sucrase {
  readonly IdentifierRole: typeof IdentifierRole;
  readonly TokenType: typeof TokenType;
  /** The source without its types, its tokens, and where each of those is in what is left. */
  readonly strip: (source: string) => {
    readonly code: string;
    readonly tokens: readonly Token[];
    readonly places: readonly (number | undefined)[];
  };
}

/** A source as Sucrase reads it: its tokens are asked for by their index. */
export class StrippedSource {
  /** Without its types. */
  readonly code: string;
  readonly tokens: readonly Token[];
  readonly types: typeof TokenType;
  readonly roles: typeof IdentifierRole;
  readonly #text: string;
  readonly #places: readonly (number | undefined)[];

  /** @throws where Sucrase cannot read it */
  constructor(text: string) {
    const { IdentifierRole, TokenType, strip } = require(BUILT) as Sucrase;
    const { code, tokens, places } = strip(text);
    this.code = code;
    this.tokens = tokens;
    this.types = TokenType;
    this.roles = IdentifierRole;
    this.#text = text;
    this.#places = places;
  }

  textOf(index: number): string {
    const { start = 0, end = 0 } = this.tokens[index] ?? {};
    return this.#text.slice(start, end);
  }

  isOf(index: number, ...types: readonly number[]): boolean {
    return types.includes(this.tokens[index]?.type ?? this.types.eof);
  }

  /** Whether nothing is left of a token. */
  isRemoved(index: number): boolean {
    const { _abstract, _override, _private, _protected, _public, _readonly, nonNullAssertion } = this.types;
    return (
      this.tokens[index]?.isType === true ||
      this.isOf(index, _abstract, _override, _private, _protected, _public, _readonly, nonNullAssertion)
    );
  }

  /** Whether a line ends between two tokens. */
  hasLineEnd(from: number, to: number): boolean {
    return this.#text.slice(this.tokens[from]?.end ?? 0, this.tokens[to]?.start).includes('\n');
  }

  /** Whether two tokens would be others without what stands between them, as in `return<string>a`. */
  isJoined(from: number, to: number): boolean {
    const { end } = this.tokens[from]!;
    const { start } = this.tokens[to]!;
    const isApart = end !== this.tokens[from + 1]!.start || start !== this.tokens[to - 1]!.end;
    return !isApart && /[\w$]{2}|\+\+|--|\/[/*]/.test(`${this.#text[end - 1]}${this.#text[start]}`);
  }

  /** Where in its line of the source stands what is at this place of the code without types; both count from 0. */
  columnOf(line: number, column: number): number {
    const start = startOf(this.code, line);
    const index = this.#places.findLastIndex((place) => place !== undefined && place <= start + column);
    return (this.#places[index] ?? -1) < start ? column : this.tokens[index]!.start - startOf(this.#text, line);
  }
}

function startOf(text: string, line: number): number {
  let start = 0;
  for (let at = 0; at < line; at++) start = text.indexOf('\n', start) + 1;
  return start;
}

/** Leaves it to Babel to compile a source, or to say what is wrong with it. */
export function refuse(source: StrippedSource, index: number): never {
  throw new Error(`${source.textOf(index)}: it takes Babel`);
}
