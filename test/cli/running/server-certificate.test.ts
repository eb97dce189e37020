import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { serverCertificate } from '../../../src/cli/running/server-certificate.ts';
import { makeCertificate, testCertificate } from '../../support/certificates.ts';
import { LogRecorder } from '../../support/server-rig.ts';

let folder: string;
let log: LogRecorder;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-certificate-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  log = new LogRecorder();
});

const warnings = (): string[] => log.lines.filter(({ level }) => level === 'warn').map(({ message }) => message);

function write(name: string, text: string, mode = 0o600): string {
  const file = path.join(folder, name);
  writeFileSync(file, text, { mode });
  chmodSync(file, mode);
  return file;
}

/** What is said of these files. */
const problemOf = (files: { cert: string; key: string }): Promise<string> =>
  serverCertificate({ files, stateDirectory: folder }, log).then(
    () => 'nothing',
    (error: Error) => error.message,
  );

describe("a server's own certificate", () => {
  const own = (stateDirectory: string) => serverCertificate({ files: undefined, stateDirectory }, log);

  it('is made once, with its key, in a file that only its owner may read, in a folder that only its owner may enter', async () => {
    const state = path.join(folder, 'state');
    const first = await own(state);
    expect(await own(state)).toEqual(first);
    expect(readdirSync(state)).toEqual(['server.pem']);
    expect(statSync(state).mode & 0o777).toBe(0o700);
    expect(statSync(path.join(state, 'server.pem')).mode & 0o777).toBe(0o600);
    expect(first.fingerprint).toMatch(/^sha256:[\w-]{43}$/);
    expect(warnings()).toEqual([]);
  });

  it('is the same for all who make it at the same time', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => own(folder)));
    expect(new Set(all.map(({ fingerprint }) => fingerprint)).size).toBe(1);
    expect(readdirSync(folder)).toEqual(['server.pem']);
    expect(log.of('made a certificate')).toHaveLength(1);
  });

  it('that is damaged is named, with what to do, and not replaced', async () => {
    const file = write('server.pem', readFileSync('package.json', 'utf8'));
    await expect(own(folder)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(`${file} has no certificate and no key in PEM form`) as string,
    });
    await expect(own(folder)).rejects.toThrow(`or remove ${file}: a new one is made then`);
    expect(readFileSync(file, 'utf8')).toBe(readFileSync('package.json', 'utf8'));
  });

  it.each(['', 'state'])(
    'in a folder that cannot be made is an error that says so in words, and what to do: file/%s',
    async (below) => {
      const state = path.join(write('file', ''), below);
      const problem = await own(state).catch((error: unknown) => error);
      expect(problem).toMatchObject({ code: 'INVALID_ARGUMENT' });
      const { message } = problem as Error;
      expect(message).toContain(
        `${path.join(state, 'server.pem')} cannot be read or made: a part of its path is not a folder; `,
      );
      expect(message).toContain('choose another folder with --state, or name a certificate in serve.tls');
      expect(message).not.toMatch(/ENOTDIR|ENOENT|EEXIST/);
    },
  );
});

describe('a given certificate', () => {
  it('is used with what leads to its authority', async () => {
    const ca = await makeCertificate('authority', { isAuthority: true });
    const { cert, key, pin } = await makeCertificate('server', { by: ca });
    const files = { cert: write('cert.pem', cert + ca.cert), key: write('key.pem', key) };
    const found = await serverCertificate({ files, stateDirectory: folder }, log);
    expect(found.fingerprint).toBe(pin);
    expect(found.cert.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(warnings()).toEqual([]);
    expect(readdirSync(folder)).not.toContain('server.pem');
  });

  it('whose key others may read is warned about', async () => {
    const { cert, key } = await testCertificate();
    await problemOf({ cert: write('cert.pem', cert, 0o644), key: write('key.pem', key, 0o644) });
    expect(warnings()).toEqual([expect.stringMatching(/key\.pem.*chmod 600/)]);
  });

  it('is refused where it has expired, with the day', async () => {
    const from = new Date('2020-01-01T00:00:00Z');
    const { cert, key } = await makeCertificate('old', { from, to: new Date('2021-02-03T00:00:00Z') });
    const files = { cert: write('cert.pem', cert), key: write('key.pem', key) };
    expect(await problemOf(files)).toBe(`${files.cert} has a certificate that expired on 2021-02-03`);
  });

  it('is refused where the key is that of another, is encrypted, or a file cannot be read', async () => {
    const { cert } = await testCertificate();
    const other = await testCertificate('other.test');
    const files = { cert: write('cert.pem', cert), key: write('key.pem', other.key) };
    expect(await problemOf(files)).toContain('has a key that is not that of its first certificate');
    write('key.pem', other.key.replaceAll('PRIVATE KEY', 'ENCRYPTED PRIVATE KEY'));
    expect(await problemOf(files)).toContain('has a key that is encrypted with a passphrase');
    expect(await problemOf({ ...files, key: path.join(folder, 'none.pem') })).toContain('none.pem does not exist');
  });
});
