import { linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { findTestFiles } from '../../../src/cli/testing/test-files.ts';

it('a folder may have ten thousand sources; of more, those to test have to be named', () => {
  const root = mkdtempSync(path.join(tmpdir(), 'chatosbot-files-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(path.join(root, 'deep'));
  const first = path.join(root, 'bot0.ts');
  writeFileSync(first, '');
  for (let i = 1; i < 10_000; i += 1) linkSync(first, path.join(root, i % 2 ? 'deep' : '.', `bot${i}.ts`));
  expect(findTestFiles([root]).plugins).toHaveLength(10_000);
  writeFileSync(path.join(root, 'deep', 'one-more.ts'), '');
  expect(() => findTestFiles([root])).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
});
