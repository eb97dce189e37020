import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PAGES, readFences } from './fences.ts';

const directory = realpathSync(mkdtempSync(path.join(tmpdir(), 'chatosbot-types-')));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

beforeAll(() => {
  symlinkSync(path.resolve('node_modules'), path.join(directory, 'node_modules'));
  for (const { page, line, language, name, text } of PAGES.flatMap(readFences)) {
    if (language !== 'ts') continue;
    // What has a name may be imported by what comes behind it.
    const folder = path.join(directory, `${path.basename(page, '.md')}-${line}`);
    mkdirSync(folder);
    writeFileSync(path.join(folder, name ?? 'snippet.ts'), text);
  }
  writeFileSync(path.join(directory, 'package.json'), '{ "type": "module" }');
});

test('the code in the docs has the right types', async () => {
  const compilerOptions = {
    noPropertyAccessFromIndexSignature: false,
    paths: {
      chatosbot: [path.resolve('src/index.ts')],
      'chatosbot/runtime': [path.resolve('src/bot/index.ts')],
      'chatosbot/secure': [path.resolve('src/transfer/secure/index.ts')],
      'chatosbot/*': [path.resolve('src/*/index.ts')],
    },
  };
  const config = { extends: path.resolve('tsconfig.json'), compilerOptions, include: ['*/*.ts'] };
  expect(await complaints('typescript', config)).toBe('');
});

test('the code in the docs, the bots and plugins of any kind have the right types to the oldest TypeScript that we support', async () => {
  // As the guide sets it up, with the package as it is published.
  const compilerOptions = {
    module: 'nodenext',
    strict: true,
    noEmit: true,
    // For what the tests of types import.
    skipLibCheck: true,
    types: ['node'],
    paths: {
      chatosbot: [path.resolve('dist/index.d.ts')],
      'chatosbot/secure': [path.resolve('dist/transfer/secure/index.d.ts')],
      'chatosbot/*': [path.resolve('dist/*/index.d.ts')],
    },
  };
  const tests = ['plugin-types', 'schema-libraries'].map((name) => path.resolve(`test/bot/loading/${name}.test.ts`));
  const include = ['*/*.ts', path.resolve('bots/**/*.ts'), ...tests];
  expect(await complaints('typescript-5', { compilerOptions, include })).toBe('');
}, 180_000);

/** What a compiler says of the code. */
async function complaints(compiler: string, config: object): Promise<string> {
  const project = path.join(directory, `${compiler}.json`);
  writeFileSync(project, JSON.stringify(config));
  const tsc = path.resolve('node_modules', compiler, 'bin/tsc');
  return promisify(execFile)(process.execPath, [tsc, '-p', project]).then(
    () => '',
    ({ stdout }: { stdout: string }) => stdout,
  );
}
