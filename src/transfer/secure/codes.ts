import { randomInt } from 'node:crypto';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { ChatosError } from '../../errors.ts';

/** A short code. */
export interface Code {
  /** As it is shown: `7-velvet-orange`, or without the number. */
  readonly text: string;
  /** Tells others where the maker of the code is. It is no secret. */
  readonly number: number | undefined;
  /** The two words, as `velvet-orange`: the secret. */
  readonly words: string;
}

/** One in four million: with one guess only, that is enough. */
const WORDS = 2;
const MAX_NUMBER = 999_999;
/** No two words of the list have the same first letters; other words of it may be shorter. */
const PREFIX_LETTERS = 4;

/**
 * Makes a code of two random words, with the number before them where there is one.
 *
 * @param number 1 to 999999
 */
export function makeCode(number?: number): Code {
  const words = Array.from({ length: WORDS }, () => wordlist[randomInt(wordlist.length)]!).join('-');
  return codeOf(number, words);
}

/**
 * Reads a code as people type it: in any case, with spaces, dots or underscores for the hyphens. Of each word, as many
 * letters are enough as make it the only one, which four always do.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT`, with what is wrong
 */
export function parseCode(text: string): Code {
  const parts = text
    .normalize('NFKC')
    .toLowerCase()
    .split(/[\s\p{Pd}._,]+/u)
    .filter(Boolean);
  const number = /^\d+$/.test(parts[0] ?? '') ? Number(parts.shift()) : undefined;
  if (number !== undefined && (number < 1 || number > MAX_NUMBER)) {
    throw invalid(`its number must be 1 to ${MAX_NUMBER}`);
  }
  if (parts.length !== WORDS) throw invalid('expected two words, as in 7-velvet-orange');
  return codeOf(number, parts.map((word, index) => completeWord(word, index)).join('-'));
}

/** The word of the list that begins like this, where there is only one, or it is the word. */
function completeWord(typed: string, index: number): string {
  const found = wordlist.filter((word) => word.startsWith(typed));
  if (found.includes(typed)) return typed;
  if (found.length === 1) return found[0]!;
  // Not the word itself, which a log would keep: of a code, half is secret already.
  const which = `its ${index === 0 ? 'first' : 'second'} word`;
  if (found.length > 1) throw invalid(`${which} is too short: ${PREFIX_LETTERS} letters are always enough`);
  throw invalid(`${which} is not one that codes are made of: is it spelt as send has printed it?`);
}

function codeOf(number: number | undefined, words: string): Code {
  return { text: number === undefined ? words : `${number}-${words}`, number, words };
}

function invalid(why: string): ChatosError {
  return new ChatosError('INVALID_ARGUMENT', `not a code: ${why}`);
}
