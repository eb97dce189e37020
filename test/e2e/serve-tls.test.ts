import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { makeCertificate } from '../support/certificates.ts';
import { LAB, labFile, run, start } from './chatosbot.ts';

const LISTENING = /^listening on (tls:\/\/127\.0\.0\.1:(\d+)\?(?:longBytes=8&)?pin=(sha256:[\w-]{43}))$/;
const NO_OPENSSL = spawnSync('openssl', ['version']).error !== undefined;
const state = (name: string): string[] => ['--state', `${LAB}/${name}`];

describe('serve on tls://', () => {
  test.each(['', '?longBytes=8'])(
    'with a certificate of its own prints an address that can be pasted %s',
    async (wide) => {
      const server = start(['serve', '--listen', `tls://127.0.0.1:0${wide}`, ...state('own')]);
      const [, address, , pin] = await server.line(LISTENING);
      const said = await run(['say', '--server', address!, '--login', 'alice', 'hello']);
      expect(said).toMatchObject({ status: 0 });
      const again = start(['serve', '--listen', `tls://127.0.0.1:0${wide}`, ...state('own')]);
      expect((await again.line(LISTENING))[3]).toBe(pin);
    },
  );

  test('carries a pipe between two clients', async () => {
    const server = start(['serve', '--listen', 'tls://127.0.0.1:0', ...state('own')]);
    const address = (await server.line(LISTENING))[1]!;
    const listener = start(['pipe', '--listen', '--server', address, '--login', 'bob']);
    await listener.line(/logged in as bob|waiting/);
    const sender = start(['pipe', 'bob', '--server', address, '--login', 'alice'], { input: 'through TLS' });
    expect((await sender.exit()).status).toBe(0);
    const { status, stdout } = await listener.exit();
    expect([status, stdout]).toEqual([0, 'through TLS']);
  });

  test('exits with 2 where its certificate cannot be used', async () => {
    const { cert, key } = await makeCertificate('old', { from: new Date(0), to: new Date(1e12) });
    const files = ['--tls-cert', labFile('old.pem', cert), '--tls-key', labFile('old.key', key)];
    expect(await run(['serve', '--listen', 'tls://127.0.0.1:0', ...files])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('has a certificate that expired on 2001-09-09') as string,
    });
    expect(await run(['serve', '--listen', 'tls://127.0.0.1:0', ...files.slice(0, 2)])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('--tls-cert and --tls-key belong together') as string,
    });
  });

  test.skipIf(NO_OPENSSL)(
    'shows no pin for a certificate of an authority, which openssl finds to be whole',
    async () => {
      const ca = await makeCertificate('authority', { isAuthority: true });
      const { cert, key } = await makeCertificate('server', { by: ca });
      const files = ['--tls-cert', labFile('server.pem', cert + ca.cert), '--tls-key', labFile('server.key', key)];
      const server = start(['serve', '--listen', 'tls://127.0.0.1:0', ...files]);
      const [, port] = await server.line(/^listening on tls:\/\/127\.0\.0\.1:(\d+)$/);
      const seen = spawnSync(
        'openssl',
        ['s_client', '-connect', `127.0.0.1:${port}`, '-CAfile', labFile('ca.pem', ca.cert), '-verify_return_error'],
        { input: '', encoding: 'utf8' },
      );
      expect(seen.stdout).toContain('Verify return code: 0 (ok)');
    },
  );

  test('warns once of plain TCP on an address that is not loopback', async () => {
    const server = start(['serve', '--listen', '0.0.0.0:0', '--listen', '127.0.0.1:0']);
    const [, open] = await server.line(/warn {2}anyone on the way can read and change what goes over (.+?): tls/);
    expect(open).toMatch(/^tcp:\/\/0\.0\.0\.0:\d+$/);
  });
});
