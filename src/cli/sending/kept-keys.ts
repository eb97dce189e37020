import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  type Stats,
} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { messageOf } from '../../errors.ts';
import type { SecureChannel } from '../../transfer/secure/secure-channel.ts';
import { makePrivateFolder, userStateDirectory } from '../../util/user-state-directory.ts';
import { notice } from '../terminal/output.ts';
import type { TransferFlags } from './flags.ts';

/** What two sides that met by a code go on with, when one of them was ended and runs again. */
export interface KeptKey {
  /** Under which login this side has used the code. */
  readonly login: string;
  /** What both sides have agreed on by the code. */
  readonly key: Uint8Array;
}

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
/** So long it can be gone on with: a day. */
const KEPT_MS = 24 * 60 * 60 * 1000;
/** The oldest go first. */
const MAX_KEPT = 64;
const MAX_FILE_BYTES = 1_024;
const KEY_BYTES = 32;

/** Keeps what a channel can be followed by. Where that is not possible, it is said: the code is good for this run only. */
export function keepKey(keys: KeptKeys, login: string, { nextSecret }: SecureChannel, { quiet }: TransferFlags): void {
  if (nextSecret.kind !== 'key') return;
  try {
    keys.keep({ login, key: nextSecret.key });
  } catch (error) {
    if (!quiet) notice(`cannot be gone on with by the same code if it is interrupted: ${messageOf(error)}`);
  }
}

/**
 * The keys of one transfer by code, in files of the user alone, until it is done. What it is known by are texts, of which
 * only a hash is kept.
 */
export class KeptKeys {
  readonly #folder = path.join(userStateDirectory(), 'transfers');
  readonly #prefix: string;

  constructor(...what: readonly string[]) {
    this.#prefix = hashOf(what.join('\0'));
  }

  /** Those that are there, the newest first. Where nothing can be read, there are none. */
  find(): readonly KeptKey[] {
    return this.#files()
      .filter(({ name }) => name.startsWith(`${this.#prefix}-`))
      .flatMap(({ name }) => readKey(path.join(this.#folder, name)) ?? []);
  }

  /**
   * Keeps a key.
   *
   * @throws an error of the system: then it cannot be gone on with
   */
  keep({ login, key }: KeptKey): void {
    makePrivateFolder(this.#folder);
    for (const { name } of this.#files().slice(MAX_KEPT - 1)) remove(path.join(this.#folder, name));
    const draft = path.join(this.#folder, `${randomBytes(6).toString('hex')}.tmp`);
    const text = JSON.stringify({ login, key: Buffer.from(key).toString('base64url') });
    try {
      writeFileSync(draft, `${text}\n`, { mode: 0o600, flag: 'wx', flush: true });
      renameSync(draft, this.#fileOf(login));
    } catch (error) {
      rmSync(draft, { force: true });
      throw error;
    }
  }

  /** It is done. A key that cannot be removed is of no use after a day. */
  forget({ login }: Pick<KeptKey, 'login'>): void {
    remove(this.#fileOf(login));
  }

  #fileOf(login: string): string {
    return path.join(this.#folder, `${this.#prefix}-${hashOf(login)}.json`);
  }

  /** All that are kept, of any transfer, the newest first; what is too old is removed. */
  #files(): readonly { readonly name: string; readonly at: number }[] {
    const found: { name: string; at: number }[] = [];
    for (const name of namesIn(this.#folder)) {
      const file = path.join(this.#folder, name);
      const stats = statOf(file);
      if (!stats?.isFile() || stats.size > MAX_FILE_BYTES) continue;
      // One of the future is of a clock that was wrong: nobody knows how old it is.
      if (Math.abs(Date.now() - stats.mtimeMs) > KEPT_MS) remove(file);
      else found.push({ name, at: stats.mtimeMs });
    }
    return found.toSorted((one, other) => other.at - one.at);
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function statOf(file: string): Stats | undefined {
  try {
    return lstatSync(file);
  } catch {
    return undefined;
  }
}

function remove(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // The folder may be read-only by now.
  }
}

function readKey(file: string): KeptKey | undefined {
  try {
    const { login, key: encoded } = JSON.parse(readPrivately(file)) as { login?: unknown; key?: unknown };
    if (typeof login !== 'string' || typeof encoded !== 'string') return undefined;
    const key = Buffer.from(encoded, 'base64url');
    return key.length === KEY_BYTES ? { login, key } : undefined;
  } catch {
    return undefined;
  }
}

/** @throws where others could have read it, or have put it there: who knows the key gets what is sent */
function readPrivately(file: string): string {
  const fd = openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const { uid, mode } = fstatSync(fd);
    const ownId = process.getuid?.();
    if (ownId !== undefined && (uid !== ownId || (mode & 0o077) !== 0)) throw new Error(`${file} is not private`);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
