import { execFileSync } from 'node:child_process';
import {
  accessSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { LAB } from './chatosbot.ts';

const { bin, scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  bin: { chatosbot: string };
  scripts: Record<string, string>;
};

test('the build leaves the command executable, so that npx finds it in the checkout, after npm test too', () => {
  expect(() => accessSync(bin.chatosbot, constants.X_OK)).not.toThrow();
});

test('the package has no install script, of which npm would warn; npm ci and npm pack build all the same', () => {
  expect(Object.keys(scripts).filter((name) => /^(pre|post)?(install|prepare|prepublish)$/.test(name))).toEqual([]);
  // npm runs the first in the project itself alone, when it has installed its packages.
  expect(scripts).toMatchObject({ dependencies: 'npm run build', prepack: 'npm run build' });
});

test('npm start builds before it runs, where the sources are newer, and only there', () => {
  expect(scripts['start']).toBe('sh .ci/start');
  const copy = path.join(LAB, 'checkout');
  mkdirSync(copy, { recursive: true });
  for (const each of ['src', 'dist', '.ci', 'rolldown.config.js', 'tsconfig.json']) {
    cpSync(each, path.join(copy, each), { recursive: true, preserveTimestamps: true });
  }
  // Making types takes most of a build, and these are made by each build that is tested.
  const types = 'node node_modules/typescript/bin/tsc -p src && ';
  expect(scripts['build']).toContain(types);
  const manifest = readFileSync('package.json', 'utf8').replace(types, '');
  writeFileSync(path.join(copy, 'package.json'), manifest);
  symlinkSync(path.resolve('node_modules'), path.join(copy, 'node_modules'));
  const start = (): string =>
    execFileSync('sh', ['.ci/start', '--help'], { cwd: copy, encoding: 'utf8', stdio: 'pipe' });
  const now = new Date();
  utimesSync(path.join(copy, bin.chatosbot), now, now);
  const left = path.join(copy, 'dist/left-from-before');
  writeFileSync(left, '');
  const file = path.join(copy, 'src/cli/commands/index.ts');
  const changed = readFileSync(file, 'utf8').replace(/(name: 'run',\s+summary: ')/, '$1CHANGED ');
  writeFileSync(file, changed);
  const before = new Date(now.getTime() - 3_600_000);
  utimesSync(file, before, before);
  expect(start()).not.toContain('CHANGED');
  expect(existsSync(left)).toBe(true);
  const later = new Date(now.getTime() + 10_000);
  utimesSync(file, later, later);
  expect(start()).toContain('CHANGED');
  expect(existsSync(left)).toBe(false);
}, 120_000);
