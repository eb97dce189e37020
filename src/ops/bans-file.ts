import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { ChatosError, messageOf } from '../errors.ts';
import { banKey, banProblem, MAX_BANS, type Ban } from '../server/access/bans.ts';
import type { ChatosServer } from '../server/server.ts';
import { toJsonLine } from '../util/escape.ts';
import type { Logger } from '../util/log.ts';
import { makeDirectories } from '../util/make-directories.ts';

const FILE = 'bans.json';
/** More than all bans that a server may have. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/**
 * The bans of a server, kept in `bans.json` of its state folder. What changes is applied to what the file says then: several
 * servers may have the same folder.
 */
export class BansFile {
  readonly path: string;
  readonly #log: Logger;
  #writing: Promise<void> = Promise.resolve();
  /** What the next write is to change: of hundreds of bans at a time, not each is one. */
  #changes: ((bans: readonly Ban[]) => readonly Ban[])[] = [];

  constructor(stateDirectory: string, log: Logger) {
    this.path = path.join(stateDirectory, FILE);
    this.#log = log;
  }

  /** Keeps the bans of a server from now on. */
  attach(server: ChatosServer): void {
    server.on('banned', (ban) => this.#note((bans) => [...bans.filter(isOther(ban)), ban]));
    server.on('unbanned', (ban) => this.#note((bans) => bans.filter(isOther(ban))));
  }

  /** Resolves when everything so far is written; rejects where the last of it could not be. */
  async saved(): Promise<void> {
    await this.#writing;
  }

  #note(change: (bans: readonly Ban[]) => readonly Ban[]): void {
    this.#changes.push(change);
    if (this.#changes.length > 1) return;
    this.#writing = this.#writing
      .catch(() => undefined)
      .then(() => {
        const changes = this.#changes.splice(0);
        return this.#write(changes.reduce((bans, apply) => apply(bans), this.read() as readonly Ban[]));
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
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8');
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
      throw new ChatosError('INVALID_CONFIG', `${this.path}: it cannot be read (${messageOf(error)})`, {
        cause: error,
      });
    }
    const now = Date.now();
    return parse(text, this.path).filter(({ until }) => until === undefined || until.getTime() > now);
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

function isOther(ban: Ban): (other: Ban) => boolean {
  const key = banKey(ban);
  return (other) => banKey(other) !== key;
}

function parse(text: string, file: string): Ban[] {
  const wrong = (why: string): ChatosError => {
    const message = `${file}: it is not a file of bans (${why}): repair it, or remove it to lift all bans`;
    return new ChatosError('INVALID_CONFIG', message, { fields: { file } });
  };
  if (text.length > MAX_FILE_BYTES) throw wrong('it is too long');
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
