import { CONFUSABLES } from './confusables.ts';

/** For each character that looks like another, its prototype; made when the first login is looked at. */
let prototypes: ReadonlyMap<string, string> | undefined;

/**
 * What two logins have in common that look alike, or differ in case only: any of these texts. They are skeletons as in
 * UTS #39, after NFKC, with case folded before and after: folded before, MIKE is like mike; folded after, AI is like Al. Most
 * logins have one. White space of any kind and length counts as one space.
 */
export function skeletonsOf(login: string): readonly string[] {
  const [folded, seen] = formsOf(login);
  return folded === seen ? [folded] : [folded, seen];
}

/** The skeleton of a text with case folded before, and that with case folded after; they may be the same. */
export function formsOf(text: string): readonly [folded: string, seen: string] {
  return [skeleton(fold(text.normalize('NFKC'))), skeleton(skeleton(text))];
}

let manyLetters: ReadonlySet<string> | undefined;

/** What single characters look like that look like several, as `rn` for `m`. */
export function manyLetterForms(): ReadonlySet<string> {
  prototypes ??= readPrototypes();
  manyLetters ??= new Set([...prototypes.values()].filter((each) => Array.from(each).length > 1).flatMap(formsOf));
  return manyLetters;
}

function skeleton(text: string): string {
  prototypes ??= readPrototypes();
  let replaced = '';
  for (const character of text.normalize('NFKC').normalize('NFD')) replaced += prototypes.get(character) ?? character;
  return fold(replaced.replace(/\s+/gu, ' ')).normalize('NFD');
}

/** Full case folding, as near as this language has it. */
function fold(text: string): string {
  return text.toUpperCase().toLowerCase().replaceAll('ς', 'σ');
}

function readPrototypes(): ReadonlyMap<string, string> {
  const read = new Map<string, string>();
  const textOf = (hex: string): string => String.fromCodePoint(...hex.split('+').map((each) => parseInt(each, 16)));
  for (const entry of CONFUSABLES.trim().split(/\s/)) {
    const [prototype = '', sources = ''] = entry.split('<');
    for (const source of sources.split(',')) read.set(textOf(source), textOf(prototype));
  }
  return read;
}
