import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const page = readFileSync('docs/architecture.md', 'utf8');
const named = new Set(Array.from(page.matchAll(/`((?:src|test|docs)\/[^`\s]*)`/g), ([, name]) => name!));

const isFolder = (name: string): boolean => statSync(name).isDirectory();

test('each file and folder that docs/architecture.md names exists', () => {
  const missing = [...named].filter((name) => !existsSync(name) || isFolder(name) !== name.endsWith('/'));
  expect(named.size).toBeGreaterThan(50);
  expect(missing).toEqual([]);
});

test.each(['src', 'src/bot', 'src/cli', 'src/server'])('docs/architecture.md names each folder of %s', (parent) => {
  const folders = readdirSync(parent)
    .map((name) => path.posix.join(parent, name))
    .filter(isFolder);
  expect(folders.filter((folder) => !named.has(`${folder}/`))).toEqual([]);
});

test('docs/architecture.md has the floor of each folder as the linter has it', () => {
  const rules = readFileSync('.oxlintrc.json', 'utf8');
  const linted = Array.from(rules.matchAll(/"message": "(\w+)\/ is on floor (\d) of the house/g), ([, name, floor]) => {
    return `${floor} src/${name}/`;
  });
  const described = page.split('\n').flatMap((line) => {
    const [, floor, folders = ''] = /^\| (\d) +\| ([^|]+)\|/.exec(line) ?? [];
    return Array.from(folders.matchAll(/`(src\/\w+\/)`/g), ([, name]) => `${floor} ${name}`);
  });
  expect(linted.length).toBeGreaterThan(5);
  expect(described).toEqual(expect.arrayContaining(linted));
});
