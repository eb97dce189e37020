import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createFolder } from '../../src/cli/creating/files.ts';
import { projectNameProblem } from '../../src/cli/creating/names.ts';
import { projectFiles } from '../../src/cli/creating/project.ts';

test.each(['lunch', 'my-bot', 'bot2', 'a_b'])('a project may be called %s', (name) => {
  expect(projectNameProblem(name)).toBeUndefined();
});

test.each([
  ['My Bot', 'such as my-bot'],
  ['Café', 'such as cafe'],
  ['2fast', 'such as fast'],
  ['.hidden', 'such as hidden'],
  ['-rf', 'such as rf'],
  ['名前', 'begins with a letter'],
  ['', 'begins with a letter'],
  ['chatosbot', 'one of its packages is'],
  ['typescript', 'one of its packages is'],
  ['node_modules', 'one of its packages is'],
  ['x'.repeat(31), "it is also the bot's login"],
])('a project cannot be called %j, and the answer helps', (name, help) => {
  expect(projectNameProblem(name)).toContain(help);
});

test('a project gets the versions with which this package is tested', async () => {
  const { devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    devDependencies: Record<string, string>;
  };
  const files = await projectFiles({ name: 'lunch', bot: 'lunch', template: 'echo', chatosbot: '^1.0.0' });
  const made = JSON.parse(files.find(({ path }) => path === 'package.json')!.text) as object;
  expect(made).toMatchObject({
    name: 'lunch',
    dependencies: { chatosbot: '^1.0.0' },
    devDependencies: {
      '@types/node': `^${devDependencies['@types/node']}`,
      typescript: `^${devDependencies['typescript']}`,
    },
  });
});

test('what the bot of a project creates stays out of its repository', async () => {
  const files = await projectFiles({ name: 'mail', bot: 'mail', template: 'pipe', chatosbot: '^1.0.0' });
  expect(files.find(({ path }) => path === '.gitignore')!.text).toBe('node_modules/\n.chatosbot/\n/received/\n');
});

describe('a folder that cannot be filled', () => {
  const lab = (): string => {
    const folder = mkdtempSync(join(tmpdir(), 'chatosbot-creating-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    return folder;
  };
  const fail = (draft: string): Promise<void> => {
    writeFileSync(join(draft, 'half'), 'done');
    return Promise.reject(new Error('the disk is full'));
  };

  test('is gone again where it was made for that', async () => {
    const folder = join(lab(), 'made');
    await expect(createFolder(folder, fail)).rejects.toThrow('the disk is full');
    expect(existsSync(folder)).toBe(false);
  });

  test('stays, as it was, where it was there', async () => {
    const folder = lab();
    mkdirSync(join(folder, '.git'));
    await expect(createFolder(folder, fail)).rejects.toThrow('the disk is full');
    expect(readdirSync(folder)).toEqual(['.git']);
  });

  test('keeps what somebody else has put there meanwhile', async () => {
    const folder = join(lab(), 'made');
    const meanwhile = (draft: string): Promise<void> => {
      writeFileSync(join(folder, 'theirs'), '');
      return fail(draft);
    };
    await expect(createFolder(folder, meanwhile)).rejects.toThrow('the disk is full');
    expect(readdirSync(folder)).toEqual(['theirs']);
  });
});
