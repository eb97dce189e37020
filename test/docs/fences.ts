/** The fenced blocks of the pages that users read. */
import { readFileSync, readdirSync } from 'node:fs';

/** A fenced block: ` ```LANGUAGE NAME `, its text, and the closing fence. */
export interface Fence {
  readonly page: string;
  /** The line of the page on which it begins. */
  readonly line: number;
  /** The heading (`##`) that it stands under. */
  readonly section: string;
  readonly language: string;
  /** The file that it is, where it says so. */
  readonly name: string | undefined;
  readonly text: string;
}

/** README and docs. */
export const PAGES = ['README.md', ...readdirSync('docs').map((name) => `docs/${name}`)].filter((name) =>
  name.endsWith('.md'),
);

/** The blocks of a page, in their order. */
export function readFences(page: string): Fence[] {
  const text = readFileSync(page, 'utf8');
  return [...text.matchAll(/^```(\w+)(?: (\S+))?\n(.*?)^```$/gms)].map(({ index, 1: language, 2: name, 3: code }) => {
    const before = text.slice(0, index);
    const [, section = ''] = /^## (.*)$/m.exec(before.slice(before.lastIndexOf('\n## '))) ?? [];
    return { page, line: before.split('\n').length, section, language: language!, name, text: code! };
  });
}
