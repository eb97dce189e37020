import { expect, test } from 'vitest';
import type { ApiItem } from './api-item.ts';
import { createPages, renderPages } from './api-page.ts';
import { readPublicApi } from './public-api.ts';

const { entries, unexported } = readPublicApi();
const items = entries.flatMap(({ name, symbols }) =>
  symbols.flatMap(({ declarations }) => declarations.map((item) => ({ entry: name, item }))),
);

/** `npm run api` writes the pages again. */
test('docs/api.md and the pages of the library are what the doc comments of the public API generate (npm run api)', async () => {
  for (const [file, text] of await renderPages(createPages(entries))) {
    await expect(text).toMatchFileSnapshot(`../../docs/${file}`);
  }
});

test('all that is exported has a doc comment, and so have its members', () => {
  const silent = items.flatMap(({ entry, item }) => undocumented(item).map((name) => `${entry}: ${name}`));
  expect(silent).toEqual([]);
});

test('what the signatures of the public API name is exported too', () => {
  const hidden = items.flatMap(({ entry, item }) => namedTypes(item).map((name) => `${entry}: ${item.name}, ${name}`));
  expect([...new Set(hidden)]).toEqual([]);
});

/** What has no comment of a declaration and its members. One that can have a single value says by that what it is. */
function undocumented({ name, comment, members }: ApiItem): string[] {
  const silent = members.filter((member) => !member.comment && !/(: |= )(['"]).*\2;$/.test(member.signature));
  return [...(comment ? [] : [name]), ...silent.map((member) => `${name}.${member.name}`)];
}

/** The types of ours that a declaration names and that cannot be imported. */
function namedTypes({ signature, members }: ApiItem): string[] {
  const code = [signature, ...members.map((member) => member.signature)].join('\n');
  const words = code.replaceAll(/'[^'\n]*'|"[^"\n]*"|\/\*.*?\*\//gs, '').match(/(?<![.\w])[A-Z]\w*/g) ?? [];
  return words.filter((word) => unexported.has(word));
}
