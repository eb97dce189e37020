import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  fsync,
  futimesSync,
  lstatSync,
  openSync,
  type BigIntStats,
} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { ChatosError } from '../../errors.ts';

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;

/** Whether an open folder can be gone through by its descriptor, whatever becomes of its path. */
const HAS_DESCRIPTOR_PATHS = process.platform === 'linux' && existsSync('/proc/self/fd');

/**
 * A folder that stays the same one: what somebody puts in its place meanwhile, a link to another folder say, is not
 * followed. Where the system has no paths of descriptors, it is looked at before each use instead.
 */
export class Place {
  readonly path: string;
  readonly #fd: number | undefined;
  readonly #identity: BigIntStats;

  private constructor(folder: string, fd: number | undefined, identity: BigIntStats) {
    this.path = folder;
    this.#fd = fd;
    this.#identity = identity;
  }

  /** The folder at a path that a user has given: it may be a link. */
  static open(folder: string): Place {
    return Place.#open(folder, folder, 0);
  }

  /**
   * A folder in this one.
   *
   * @throws an error with the code `ELOOP` or `ENOTDIR` where a link or a file is in its place
   */
  child(name: string): Place {
    return Place.#open(this.at(name), path.join(this.path, name), O_NOFOLLOW);
  }

  static #open(at: string, shown: string, flags: number): Place {
    if (process.platform === 'win32') {
      const identity = lstatSync(at, { bigint: true });
      if (!identity.isDirectory()) throw notFolder(shown);
      return new Place(shown, undefined, identity);
    }
    const fd = openSync(at, O_RDONLY | O_DIRECTORY | flags);
    return new Place(shown, fd, fstatSync(fd, { bigint: true }));
  }

  /** What tells it from all other folders. */
  get id(): string {
    return `${this.#identity.dev}:${this.#identity.ino}`;
  }

  /** A path to something in this folder, for one call of the system. */
  at(name: string): string {
    if (HAS_DESCRIPTOR_PATHS && this.#fd !== undefined) return `/proc/self/fd/${this.#fd}/${name}`;
    const now = lstatSync(this.path, { bigint: true });
    const followed = now.isSymbolicLink() ? undefined : now;
    if (followed?.ino !== this.#identity.ino || followed.dev !== this.#identity.dev) {
      throw new ChatosError('DATA_INCOMPLETE', `${this.path} was replaced meanwhile: nothing is written through it`);
    }
    return path.join(this.path, name);
  }

  /** The same folder. */
  get self(): string {
    return this.at('.');
  }

  /** What was renamed in it stays renamed, also when the machine fails. */
  sync(): Promise<void> {
    const fd = this.#fd;
    if (fd === undefined) return Promise.resolve();
    // Some file systems cannot do it for folders: then it need not be done.
    return new Promise((resolve) => fsync(fd, () => resolve()));
  }

  /** Sets permissions and time of the folder itself. */
  setAttributes(mode: number, modifiedNs: bigint): void {
    if (this.#fd !== undefined) setAttributes(this.#fd, mode, modifiedNs);
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
  }
}

/** Sets permissions and time of what is open. What the file system cannot keep is no reason to fail. */
export function setAttributes(fd: number, mode: number, modifiedNs: bigint): void {
  const set = [() => fchmodSync(fd, mode), () => futimesSync(fd, Date.now() / 1000, secondsOf(modifiedNs))];
  for (const each of set) {
    try {
      each();
    } catch {
      // It has those of a new file, then.
    }
  }
}

/** Node.js cuts what it is given to microseconds, of a number that may be a little too small: half of one is added. */
function secondsOf(ns: bigint): number {
  return Number((ns / 1_000n) * 1_000n + 500n) / 1e9;
}

function notFolder(shown: string): Error {
  return Object.assign(new Error(`${shown} is not a folder`), { code: 'ENOTDIR' });
}
