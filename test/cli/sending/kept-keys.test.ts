import {
  chmodSync,
  chownSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { KeptKeys } from '../../../src/cli/sending/kept-keys.ts';
import { leavesNothingOpen } from '../../support/open-files.ts';

let folder: string;

beforeEach(() => {
  const home = mkdtempSync(path.join(tmpdir(), 'chatosbot-kept-'));
  vi.stubEnv('XDG_STATE_HOME', home);
  onTestFinished(() => {
    vi.unstubAllEnvs();
    rmSync(home, { recursive: true });
  });
  leavesNothingOpen(home);
  folder = path.join(home, 'chatosbot', 'transfers');
});

const KEY = Buffer.alloc(32, 7);
const DAY_S = 24 * 60 * 60;

/** As if all had been kept so long ago. */
function age(seconds: number): void {
  const then = Date.now() / 1000 - seconds;
  for (const name of readdirSync(folder)) utimesSync(path.join(folder, name), then, then);
}

test('a key is found again by what it is of, and by nothing else, until it is forgotten', () => {
  const keys = new KeptKeys('receive', 'server', '7', 'velvet-orange');
  keys.keep({ login: 'ann', key: KEY });
  expect(new KeptKeys('receive', 'server', '7', 'velvet-orange').find()).toEqual([{ login: 'ann', key: KEY }]);
  expect(new KeptKeys('receive', 'server', '7', 'velvet-zoo').find()).toEqual([]);
  expect(readdirSync(folder).join()).not.toContain('velvet');
  keys.forget({ login: 'ann' });
  expect(keys.find()).toEqual([]);
  expect(readdirSync(folder)).toEqual([]);
});

test('two runs of the same are told apart by their logins, and the newest comes first', () => {
  const keys = new KeptKeys('send', 'server', '/photos');
  keys.keep({ login: 'send-1', key: KEY });
  age(60);
  keys.keep({ login: 'send-2', key: KEY });
  expect(keys.find().map(({ login }) => login)).toEqual(['send-2', 'send-1']);
});

test('a key is not kept for more than a day', () => {
  const keys = new KeptKeys('send', 'server', '/photos');
  keys.keep({ login: 'send-1', key: KEY });
  age(DAY_S + 60);
  expect(keys.find()).toEqual([]);
  expect(readdirSync(folder)).toEqual([]);
});

test('nor one of tomorrow, which a clock that was wrong has made: it would be kept for years', () => {
  const keys = new KeptKeys('send', 'server', '/photos');
  keys.keep({ login: 'send-1', key: KEY });
  age(-DAY_S - 60);
  expect(keys.find()).toEqual([]);
  expect(readdirSync(folder)).toEqual([]);
});

test('a key that others could read, or that another user has put there, is none', () => {
  const keys = new KeptKeys('send', 'server', '/photos');
  keys.keep({ login: 'send-1', key: KEY });
  const file = path.join(folder, readdirSync(folder)[0]!);
  for (const mode of [0o640, 0o604, 0o620]) {
    chmodSync(file, mode);
    expect(keys.find()).toEqual([]);
  }
  chmodSync(file, 0o600);
  expect(keys.find()).toHaveLength(1);
  if (process.getuid?.() !== 0) return;
  chownSync(file, 65_534, 65_534);
  expect(keys.find()).toEqual([]);
});

test('a link to a key is none, whoever has put it there', () => {
  const keys = new KeptKeys('send', 'server', '/photos');
  keys.keep({ login: 'send-1', key: KEY });
  const file = path.join(folder, readdirSync(folder)[0]!);
  renameSync(file, path.join(folder, 'elsewhere'));
  symlinkSync('elsewhere', file);
  expect(keys.find()).toEqual([]);
});

test('a folder that cannot be used fails where a key is kept, and nowhere else', () => {
  writeFileSync(path.dirname(folder), 'a file');
  const keys = new KeptKeys('send', 'server', '/photos');
  expect(() => keys.keep({ login: 'send-1', key: KEY })).toThrow('ENOTDIR');
  expect(keys.find()).toEqual([]);
  keys.forget({ login: 'send-1' });
});

test('no more than 64 keys are kept: the oldest go', () => {
  for (let number = 1; number <= 70; number += 1) {
    new KeptKeys('send', `${number}`).keep({ login: 'send-1', key: KEY });
    age(200 - number);
  }
  expect(readdirSync(folder)).toHaveLength(64);
  expect(new KeptKeys('send', '70').find()).toHaveLength(1);
});

test('what is no key is ignored', () => {
  const keys = new KeptKeys('send', 'server');
  keys.keep({ login: 'send-1', key: KEY });
  for (const text of ['', 'null', '{}', '{"login":"a","key":"short"}', 'x'.repeat(5_000)]) {
    for (const name of readdirSync(folder)) writeFileSync(path.join(folder, name), text);
    expect(keys.find()).toEqual([]);
  }
});
