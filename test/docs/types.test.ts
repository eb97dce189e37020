import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { PAGES, readFences } from './fences.ts';

const directory = realpathSync(mkdtempSync(path.join(tmpdir(), 'chatosbot-types-')));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('the code in the docs has the right types', async () => {
  symlinkSync(path.resolve('node_modules'), path.join(directory, 'node_modules'));
  for (const { page, line, language, name, text } of PAGES.flatMap(readFences)) {
    if (language !== 'ts') continue;
    // What has a name may be imported by what comes behind it.
    const folder = path.join(directory, `${path.basename(page, '.md')}-${line}`);
    mkdirSync(folder);
    writeFileSync(path.join(folder, name ?? 'snippet.ts'), text);
  }
  writeFileSync(path.join(directory, 'package.json'), '{ "type": "module" }');
  const compilerOptions = {
    noPropertyAccessFromIndexSignature: false,
    paths: { chatosbot: [path.resolve('src/index.ts')], 'chatosbot/*': [path.resolve('src/*/index.ts')] },
  };
  const config = { extends: path.resolve('tsconfig.json'), compilerOptions, include: ['*/*.ts'] };
  writeFileSync(path.join(directory, 'tsconfig.json'), JSON.stringify(config));
  const compiler = path.resolve('node_modules/typescript/bin/tsc');
  const compiling = promisify(execFile)(process.execPath, [compiler, '-p', directory]);
  const complaints = await compiling.then(
    () => '',
    ({ stdout }: { stdout: string }) => stdout,
  );
  expect(complaints).toBe('');
});
