import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, link, open, unlink } from 'node:fs/promises';
import path from 'node:path';
import { ChatosError, messageOf } from '../../errors.ts';
import { makeDirectories } from '../../util/make-directories.ts';
import { systemLogin } from './system-login.ts';

/** A key is known by its fingerprint, and has no date of its own: this is RFC 5280's way to say that. */
const NO_EXPIRATION = new Date('9999-12-31T23:59:59Z');

/**
 * Makes a key pair with a certificate, and a file of both that nobody else can read. Never replaces a file, and nobody
 * sees half of one: of two that do it at once, one makes it. Returns whether it was this one.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where the file cannot be made
 */
export async function makeIdentity(file: string): Promise<boolean> {
  const pem = await newIdentity(systemLogin() ?? 'chatosbot');
  const draft = `${file}.${randomUUID()}`;
  try {
    await makeDirectories(path.dirname(file), { mode: 0o700 });
    await writeSecret(draft, pem);
    try {
      return await place(draft, file);
    } finally {
      await unlink(draft);
    }
  } catch (error) {
    const message = `${file} cannot be made: ${messageOf(error)}; choose another with --identity`;
    throw new ChatosError('INVALID_ARGUMENT', message, { cause: error, fields: { file } });
  }
}

async function newIdentity(name: string): Promise<string> {
  // Its libraries take a tenth of a second to load.
  const { generate } = await import('selfsigned');
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notAfterDate: NO_EXPIRATION,
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', clientAuth: true },
    ],
  });
  return `${cert.trim()}\n${key.trim()}\n`;
}

async function writeSecret(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Gives a file its name, unless something has that name. */
async function place(draft: string, file: string): Promise<boolean> {
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    // Some file systems have no links.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(code ?? '')) throw error;
  }
  try {
    await copyFile(draft, file, constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
