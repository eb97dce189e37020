// Writes src/server/logins/confusables.ts from Unicode's data for UTS #39:
//
//   curl -O https://www.unicode.org/Public/security/latest/confusables.txt
//   node .ci/confusables.mjs confusables.txt
//
// Only what a text in NFKC can hold is kept: that is what skeletons are made of.
import { readFileSync, writeFileSync } from 'node:fs';

const [file = 'confusables.txt', target = 'src/server/logins/confusables.ts'] = process.argv.slice(2);
const text = readFileSync(file, 'utf8');
const version = /^# Version: (\S+)/m.exec(text)?.[1] ?? 'unknown';
const short = (codePoints) => codePoints.map((hex) => hex.replace(/^0+/, '')).join('+');

const sources = new Map();
for (const line of text.split('\n')) {
  const [, source, prototype] = /^\uFEFF?([0-9A-F]+)\s*;\s*([0-9A-F ]+?)\s*;\s*MA/.exec(line) ?? [];
  if (source === undefined) continue;
  const character = String.fromCodePoint(parseInt(source, 16));
  if (character.normalize('NFKC').normalize('NFD') !== character) continue;
  const key = short(prototype.split(' '));
  sources.set(key, [...(sources.get(key) ?? []), short([source])]);
}

const lines = [''];
for (const [prototype, of] of sources) {
  const entry = `${prototype}<${of.join(',')}`;
  const line = lines.at(-1);
  if (line === '') lines[lines.length - 1] = entry;
  else if (line.length + 1 + entry.length <= 118) lines[lines.length - 1] += ` ${entry}`;
  else lines.push(entry);
}

writeFileSync(
  target,
  `/**
 * Characters that look like others: Unicode ${version}, confusables.txt, made by .ci/confusables.mjs. An entry is a prototype,
 * then what looks like it, in hexadecimal. © Unicode, Inc., https://www.unicode.org/terms_of_use.html
 */
export const CONFUSABLES = \`
${lines.join('\n')}
\`;
`,
);
