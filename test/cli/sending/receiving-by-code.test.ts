import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { KeptKeys } from '../../../src/cli/sending/kept-keys.ts';
import { receiveByCode } from '../../../src/cli/sending/receiving-by-code.ts';
import type { Receiving } from '../../../src/cli/sending/receiving-files.ts';
import { formatAddress, parseAddress } from '../../../src/net/address.ts';
import { ownAddress } from '../../support/own-port.ts';

test('a code that was used before waits for its login and its server, and says so', async () => {
  const home = mkdtempSync(path.join(tmpdir(), 'chatosbot-kept-'));
  vi.stubEnv('XDG_STATE_HOME', home);
  onTestFinished(() => {
    vi.unstubAllEnvs();
    rmSync(home, { recursive: true });
  });
  // Nobody listens there.
  const server = parseAddress(await ownAddress());
  const code = { number: 7, words: 'velvet-otter' };
  new KeptKeys('receive', formatAddress(server), '7', code.words).keep({ login: 'ann', key: Buffer.alloc(32, 7) });
  const found = new AbortController();
  const reports: (string | undefined)[] = [];
  const receiving = {
    flags: { server: [server], wait: 5 },
    report: (_type: string, text: string | undefined) => {
      reports.push(text);
      found.abort();
    },
    signal: found.signal,
  };
  await expect(receiveByCode(code, receiving as object as Receiving)).rejects.toMatchObject({
    code: 'ABORTED',
  });
  expect(reports).toEqual([expect.stringMatching(/^trying again: /)]);
});
