/** Files that go through somebody who changes what the receiver reads, or cuts it off. */
import { chmodSync, existsSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { makeSecret } from '../../src/transfer/secure/secret.ts';
import { startTamperingProxy } from '../support/tampering-proxy.ts';
import { LAB, labFile } from './chatosbot.ts';
import { startShared } from './shared-process.ts';
import { sharedServer, type SharedServer } from './shared-server.ts';

let server: SharedServer;

beforeAll(async () => {
  server = await sharedServer();
});

test.each([
  ['cut', 65, /was cut at \d+ bytes/],
  ['bend', 75, /was changed on the way/],
] as const)(
  'an encrypted file whose bytes somebody changes (%s) does not get its name, and both sides end with what happened: %i, 65',
  async (how, status, told) => {
    const proxy = await startTamperingProxy(server.port, how, 100_000);
    const secret = labFile(`${how}.secret`, makeSecret());
    chmodSync(secret, 0o600);
    const file = labFile(`${how}.bin`, Buffer.alloc(3_000_000, how));
    const inbox = path.join(LAB, `${how}-in`);
    const common = ['--secret', secret, '--reconnect-timeout', '0'];
    const receiving = startShared([
      'receive',
      '--from',
      '*',
      '--yes',
      '--dir',
      inbox,
      '--login',
      `post-${how}`,
      '--server',
      proxy.at,
      ...common,
    ]);
    await receiving.line(/waiting/);
    const sending = startShared([
      'send',
      file,
      '--compress',
      'never',
      '--to',
      `post-${how}`,
      '--server',
      server.at,
      ...common,
    ]);
    const [sent, received] = await Promise.all([sending.exit(), receiving.exit()]);
    expect([sent.status, received.status]).toEqual([status, 65]);
    expect(received.stderr).toMatch(told);
    expect(existsSync(path.join(inbox, `${how}.bin`))).toBe(false);
    proxy.close();
  },
);
