import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { LineHistory } from '../../../src/cli/chat/history.ts';
import { tempDirectory } from '../../support/bot-files.ts';

it('keeps what was typed for the next time, in a file of the user alone', async () => {
  const file = path.join(await tempDirectory(), 'state', 'chatosbot', 'chat-history');
  const history = new LineHistory(file);
  expect(history.read()).toEqual([]);
  for (const line of ['one', 'two', 'two', ' ', 'x'.repeat(5_000), 'three']) history.add(line);
  expect(new LineHistory(file).read()).toEqual(['three', 'two', 'one']);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(path.dirname(file)).mode & 0o777).toBe(0o700);
});

it('keeps what is typed in two chats at once', async () => {
  const file = path.join(await tempDirectory(), 'h');
  const [one, other] = [new LineHistory(file), new LineHistory(file)];
  one.read();
  other.read();
  for (const line of ['a', 'b']) one.add(line);
  other.add('c');
  one.add('d');
  expect(new LineHistory(file).read()).toEqual(['d', 'c', 'b', 'a']);
});

it('keeps the last thousand lines', async () => {
  const file = path.join(await tempDirectory(), 'history');
  writeFileSync(file, Array.from({ length: 2_001 }, (_, index) => `line ${index}\n`).join(''));
  const lines = new LineHistory(file).read();
  expect([lines.length, lines[0], lines.at(-1)]).toEqual([1_000, 'line 2000', 'line 1001']);
  expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(1_001);
});

it('does without where the file cannot be written or read', async () => {
  const folder = await tempDirectory();
  const history = new LineHistory(folder);
  expect(history.read()).toEqual([]);
  expect(() => history.add('one')).not.toThrow();
});
