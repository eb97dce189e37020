import { MAX_LOGIN_BYTES } from './limits.ts';

/**
 * Characters that no login may have (P7), and what is said of the first one. Most that are blank are default-ignorable;
 * listed beside them are those that Unicode calls symbols or letters: the empty Braille cell, what stands for an object,
 * Egyptian blanks, a Khitan filler, a notehead without ink.
 */
const UNSEEN: readonly (readonly [characters: RegExp, what: (codePoint: string) => string])[] = [
  [/[\p{Cc}\p{Zl}\p{Zp}]/u, (codePoint) => `it has the control character ${codePoint}`],
  [/\p{Bidi_Control}/u, (codePoint) => `it has ${codePoint}, which changes the direction of text`],
  [
    /[\p{Default_Ignorable_Code_Point}\u2800\uFFFC\u{13441}\u{13442}\u{16FE4}\u{1D159}]/u,
    (codePoint) => `it has ${codePoint}, which nobody can see`,
  ],
  [/\p{Cf}/u, (codePoint) => `it has the format character ${codePoint}`],
  [/\p{Co}/u, (codePoint) => `it has the private-use character ${codePoint}`],
  [/\p{Cn}/u, (codePoint) => `it has ${codePoint}, which is no character of Unicode`],
  [/^\p{M}/u, (codePoint) => `it begins with ${codePoint}, which combines with a letter before it`],
];

/** All of them at once: most logins have none. */
const ANY_UNSEEN = new RegExp(UNSEEN.map(([{ source }]) => source).join('|'), 'u');

/** Why a login is never accepted (P7); `undefined` if it is valid. */
export function loginProblem(login: string): string | undefined {
  if (login === '') return 'it is empty';
  const bytes = Buffer.byteLength(login, 'utf8');
  if (bytes > MAX_LOGIN_BYTES) return `it is ${bytes} bytes long, and ${MAX_LOGIN_BYTES} are allowed`;
  if (!login.isWellFormed()) return 'it has half of a surrogate pair';
  if (ANY_UNSEEN.test(login)) {
    for (const [characters, what] of UNSEEN) {
      const found = characters.exec(login);
      if (found) return what(codePointOf(found[0]));
    }
  }
  if (login.trim() !== login) return 'it starts or ends with white space';
  return undefined;
}

/** As Unicode writes it: U+200B. */
function codePointOf(character: string): string {
  return `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
}
