import { hasParts } from '../../policy/glob.ts';
import { LoginGlob } from '../../policy/login-glob.ts';
import { loginKey } from '../../util/login-key.ts';
import { formsOf, manyLetterForms } from '../logins/look-alikes.ts';

/** A letter of a skeleton, or a wildcard. */
type Token = string | { readonly wildcard: string };

/** The most code points in one of {@link manyLetterForms}. */
const MAX_FORM_LETTERS = 18;

/** Some logins, by any of these patterns. */
export class LoginPatterns {
  readonly #patterns: readonly LoginPattern[];

  constructor(patterns: readonly LoginPattern[]) {
    this.#patterns = patterns;
  }

  static of(texts: readonly string[]): LoginPatterns {
    return new LoginPatterns(texts.map((text) => new LoginPattern(text)));
  }

  get size(): number {
    return this.#patterns.length;
  }

  match(login: string): boolean {
    const key = loginKey(login);
    return this.#patterns.some((pattern) => pattern.matches(key));
  }

  /** Whether a login that has these skeletons looks like one that they match. */
  resembles(skeletons: readonly string[]): boolean {
    return this.#patterns.some((pattern) => pattern.resembles(skeletons));
  }
}

/** Some logins, by a pattern in which `*` stands for any characters and `?` for one. */
export class LoginPattern {
  readonly #glob: LoginGlob;
  /** What logins look like that it matches: skeletons, with the wildcards as they are. */
  readonly #looks: readonly (readonly string[])[];
  /** There is a `?`: what that stands for may be several letters of a skeleton. */
  readonly #hasOnes: boolean;

  constructor(text: string) {
    this.#glob = new LoginGlob(text);
    this.#hasOnes = text.includes('?');
    const parts = text.split(/([*?])/).map((part) => (/^[*?]?$/.test(part) ? ([part, part] as const) : formsOf(part)));
    const looks = [0, 1].map((form) => parts.map((part) => part[form]!));
    this.#looks = looks[0]!.join('') === looks[1]!.join('') ? [looks[0]!] : looks;
  }

  /** Whether a login matches that is written as logins are compared. */
  matches(key: string): boolean {
    return this.#glob.matches(key);
  }

  /** Whether a login that has these skeletons looks like one that matches. */
  resembles(skeletons: readonly string[]): boolean {
    return this.#looks.some((look) => skeletons.some((skeleton) => this.#looksAlike(look, skeleton)));
  }

  /** Nearly all are done with after the first look, however many rules there are: strangers may try any number of logins. */
  #looksAlike(look: readonly string[], skeleton: string): boolean {
    return hasParts(look, skeleton) && (!this.#hasOnes || mayBe(look, skeleton));
  }
}

/**
 * Whether a skeleton may be that of a login which matches: what `?` stands for may be several letters there, as the `rn` of
 * `m`. Walks through both, with all places in the pattern that each place in the text may belong to.
 */
function mayBe(look: readonly string[], skeleton: string): boolean {
  const pattern = look.flatMap((part, index): Token[] => {
    return index % 2 === 1 ? [{ wildcard: part }] : Array.from(part);
  });
  const text = Array.from(skeleton);
  const places = text.map(() => new Set<number>());
  places.push(new Set());
  const reach = (at: number, place: number): void => {
    for (let next = place; ; next += 1) {
      places[at]!.add(next);
      const token = pattern[next];
      if (typeof token !== 'object' || token.wildcard !== '*') return;
    }
  };
  reach(0, 0);
  for (const [at, letter] of text.entries()) {
    for (const place of places[at]!) {
      const token = pattern[place];
      if (token === letter) reach(at + 1, place + 1);
      else if (typeof token !== 'object') continue;
      else if (token.wildcard === '*') reach(at + 1, place);
      else for (const length of lettersOfOne(text, at)) reach(at + length, place + 1);
    }
  }
  return places.at(-1)!.has(pattern.length);
}

/** How many letters of a skeleton, from a place on, may be what one character looks like. */
function lettersOfOne(text: readonly string[], at: number): number[] {
  const lengths = [1];
  for (let length = 2; length <= Math.min(MAX_FORM_LETTERS, text.length - at); length += 1) {
    const letters = text.slice(at, at + length);
    // Marks belong to the letter before them.
    const marked = letters.slice(1).every((letter) => /\p{M}/u.test(letter));
    if (marked || manyLetterForms().has(letters.join(''))) lengths.push(length);
  }
  return lengths;
}
