import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CONFIG_SCHEMA } from '../../src/config/schema.ts';

test('docs/configuration.md has a section for each key, in the order of the schema', () => {
  const text = readFileSync('docs/configuration.md', 'utf8');
  const sections = [...text.matchAll(/^## (\S+)$/gm)].map(([, name]) => name);
  const keys = Object.keys(CONFIG_SCHEMA.entries).filter((key) => key !== '$schema');
  expect(sections).toEqual([...keys, 'Environment']);
});

test('docs/configuration.md has a row for each key of a bot', () => {
  const sections = readFileSync('docs/configuration.md', 'utf8').split(/^## /m);
  const section = sections.find((text) => text.startsWith('bots\n'))!;
  const rows = [...section.matchAll(/^\| ((?:`\w+`(?:, )?)+) *\|/gm)].map(([, names]) => names);
  const { anyOf } = (
    JSON.parse(readFileSync('docs/config.schema.json', 'utf8')) as {
      properties: { bots: { items: { anyOf: { properties?: object }[] } } };
    }
  ).properties.bots.items;
  const keys = anyOf.flatMap(({ properties = {} }) => Object.keys(properties));
  expect(rows.flatMap((names) => names!.match(/\w+/g))).toEqual(keys);
});

test('docs/configuration.md names each key of serve', () => {
  const sections = readFileSync('docs/configuration.md', 'utf8').split(/^## /m);
  const section = sections.find((text) => text.startsWith('serve\n'))!;
  const { serve } = (
    JSON.parse(readFileSync('docs/config.schema.json', 'utf8')) as { properties: { serve: { properties: object } } }
  ).properties;
  expect(Object.keys(serve.properties).filter((key) => !section.includes(`\`${key}\``))).toEqual([]);
});
