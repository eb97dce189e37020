import { randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { ChatosError, messageOf } from '../errors.ts';
import { banKey, banProblem, MAX_BANS, type Ban } from '../server/access/bans.ts';
import type { OperatedServer } from '../server/operated-server.ts';
import { toJsonLine } from '../util/escape.ts';
import type { Logger } from '../util/log.ts';
import { makeDirectories } from '../util/make-directories.ts';
import { Tally } from '../util/tally.ts';

const FILE = 'bans.json';
/** More than all bans that a server may have, each as long as it may be, and written with six bytes a character. */
const MAX_FILE_BYTES = 8 * 1024 * 1024;
const OTHERS_MAY_WRITE = 0o022;

/**
 * The bans of a server, kept in `bans.json` of its state folder. What changes is applied to what the file says then: several
 * servers may have the same folder.
 */
export class BansFile {
  readonly path: string;
  readonly #log: Logger;
  #hasWarned = false;
  #writing: Promise<void> = Promise.resolve();
  /** What the next write is to change: of hundreds of bans at a time, not each is one. */
  #changes: ((bans: Map<string, Ban>) => void)[] = [];

  constructor(stateDirectory: string, log: Logger) {
    this.path = path.join(stateDirectory, FILE);
    this.#log = log;
  }

  /** Keeps the bans of a server from now on. */
  attach(server: Pick<OperatedServer, 'on'>): void {
    server.on('banned', (ban) => {
      const key = banKey(ban);
      this.#note((bans) => {
        // The newest is the last one.
        bans.delete(key);
        bans.set(key, ban);
      });
    });
    server.on('unbanned', (ban) => this.#note((bans) => void bans.delete(banKey(ban))));
  }

  /** Resolves when everything so far is written; rejects where the last of it could not be. */
  async saved(): Promise<void> {
    await this.#writing;
  }

  #note(change: (bans: Map<string, Ban>) => void): void {
    this.#changes.push(change);
    if (this.#changes.length > 1) return;
    this.#writing = this.#writing
      .catch(() => undefined)
      .then(() => {
        const changes = this.#changes.splice(0);
        const bans = new Map(this.read().map((ban) => [banKey(ban), ban]));
        for (const apply of changes) apply(bans);
        return this.#write(this.#newest([...bans.values()]));
      });
    this.#writing.catch((error: unknown) =>
      this.#log.error('bans are not kept over a restart', { why: messageOf(error), file: this.path }),
    );
  }

  /**
   * The bans that were kept, and whose time has not come.
   *
   * @throws {ChatosError} `INVALID_CONFIG` where the file is not one of bans
   */
  read(): Ban[] {
    const text = this.#text();
    if (text === undefined) return [];
    const now = Date.now();
    return parse(text, this.path).filter(({ until }) => until === undefined || until.getTime() > now);
  }

  /** Several servers together may have more than one may have: no server could read a file of them all. */
  #newest(bans: readonly Ban[]): readonly Ban[] {
    const counts = new Tally<string>();
    const kept = bans.toReversed().filter(({ kind }) => {
      counts.add(kind);
      return counts.get(kind) <= MAX_BANS;
    });
    const dropped = bans.length - kept.length;
    if (dropped > 0)
      this.#log.warn(`${this.path} keeps ${MAX_BANS} bans of each kind: the oldest are dropped`, { dropped });
    return kept.toReversed();
  }

  /** What the file says; `undefined` where there is none. */
  #text(): string | undefined {
    let fd: number;
    try {
      // A pipe that nobody writes to must not hold up the start.
      fd = openSync(this.path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
      throw unreadable(this.path, messageOf(error), error);
    }
    try {
      const stats = fstatSync(fd);
      if (!stats.isFile()) throw wrongFile(this.path, 'it is not a regular file');
      if (stats.size > MAX_FILE_BYTES) throw wrongFile(this.path, 'it is too long');
      this.#warnOfWriters(stats);
      return readFileSync(fd, 'utf8');
    } catch (error) {
      throw error instanceof ChatosError ? error : unreadable(this.path, messageOf(error), error);
    } finally {
      closeSync(fd);
    }
  }

  /** Anyone who can change the file can keep anyone out, or let them in. */
  #warnOfWriters({ uid, mode }: Stats): void {
    if (this.#hasWarned || process.platform === 'win32') return;
    const isOurs = uid === process.getuid?.() || uid === 0;
    if (isOurs && (mode & OTHERS_MAY_WRITE) === 0) return;
    this.#hasWarned = true;
    const what = isOurs
      ? `others than its owner may write it: chmod 600 it`
      : `it belongs to another user (${uid}): chown it`;
    this.#log.warn(`${this.path} says who is banned, and ${what}`);
  }

  /** Whole or not at all: a crash leaves the old file or the new one. */
  async #write(bans: readonly Ban[]): Promise<void> {
    const folder = path.dirname(this.path);
    await makeDirectories(folder, { mode: 0o700 });
    // Where others can write to the folder, none of them can know it, to put a link there.
    const draft = `${this.path}.${randomBytes(6).toString('hex')}.tmp`;
    try {
      const file = await open(draft, 'wx', 0o600);
      try {
        await file.writeFile(`[\n${bans.map((ban) => `  ${toJsonLine(ban)}`).join(',\n')}\n]\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, this.path);
    } catch (error) {
      await rm(draft, { force: true }).catch(() => undefined);
      throw error;
    }
    const directory = await open(folder);
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }
}

function unreadable(file: string, why: string, cause: unknown): ChatosError {
  return new ChatosError('INVALID_CONFIG', `${file}: it cannot be read (${why})`, { cause, fields: { file } });
}

function wrongFile(file: string, why: string): ChatosError {
  const message = `${file}: it is not a file of bans (${why}): repair it, or remove it to lift all bans`;
  return new ChatosError('INVALID_CONFIG', message, { fields: { file } });
}

function parse(text: string, file: string): Ban[] {
  const wrong = (why: string): ChatosError => wrongFile(file, why);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw wrong(messageOf(error));
  }
  if (!Array.isArray(value)) throw wrong('expected a list');
  const counts = new Map<string, number>();
  return value.map((each: unknown, index) => {
    const { kind, what, reason, since, until } = (each ?? {}) as Record<string, unknown>;
    const ban = {
      kind,
      what,
      reason,
      since: timeOf(since),
      until: until === undefined ? undefined : timeOf(until),
    } as Ban;
    const problem = banProblem(ban);
    if (problem !== undefined) throw wrong(`entry ${index + 1}: ${problem}`);
    const count = (counts.get(ban.kind) ?? 0) + 1;
    counts.set(ban.kind, count);
    if (count > MAX_BANS) throw wrong(`it has more than ${MAX_BANS} of the kind ${ban.kind}`);
    return ban;
  });
}

function timeOf(value: unknown): Date {
  return new Date(typeof value === 'string' ? value : Number.NaN);
}
