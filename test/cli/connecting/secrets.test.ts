import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { findSecret } from '../../../src/cli/connecting/secrets.ts';
import { makeSecret } from '../../../src/transfer/secure/secret.ts';

const OPEN = '/proc/self/fd';

it.skipIf(!existsSync(OPEN))('the file of a secret is read, and not held open', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-secret-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'secret');
  writeFileSync(file, makeSecret(), { mode: 0o600 });
  expect(await findSecret({ secret: file })).toMatchObject({ secret: { kind: 'key' } });
  const held = readdirSync(OPEN).filter((fd) => {
    try {
      return readlinkSync(path.join(OPEN, fd)) === file;
    } catch {
      return false;
    }
  });
  expect(held).toEqual([]);
});
