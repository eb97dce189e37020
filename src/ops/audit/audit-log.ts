import type { EventEmitter } from 'node:events';
import process from 'node:process';
import type { ServerEvents } from '../../server/events.ts';
import { clipEscaped, toJsonLine } from '../../util/escape.ts';
import type { Logger } from '../../util/log.ts';
import { TokenBucket, type Rate } from '../../util/token-bucket.ts';
import { AUDIT_EVENTS, type AuditEvent, type AuditField, type AuditFields, type AuditRow } from './audit-events.ts';
import { AuditFile, type AuditFileOptions, type AuditState } from './audit-file.ts';
import { auditServer } from './server-entries.ts';

/** Lines of each event: what strangers do must not fill a disk. Whatever is beyond is counted. */
const RATE: Rate = { burst: 10_000, perSecond: 100 };
/** How often what came more than once, or too often, is written as a count. */
const COUNT_MS = 1_000;
/** Kinds of repeated lines that are told apart. */
const MAX_KINDS = 10_000;
/** Longest text of a field, in characters. */
const MAX_TEXT_CHARS = 256;

export interface AuditOptions {
  /** Where the file is. */
  readonly file: string;
  /** The version of the program. */
  readonly version: string;
  /** Reports that the file cannot be written. */
  readonly log: Logger;
  /** Makes the file. @internal */
  readonly openFile?: AuditFileOptions['openFile'];
}

/** Lines that say the same, in one second. */
interface Kind {
  readonly event: AuditEvent;
  readonly fields: AuditFields;
  more: number;
}

/** Who did what, for those who look into it afterwards: one JSON object a line, in a file of its own. */
export class AuditLog {
  readonly #file: AuditFile;
  readonly #buckets = new Map<AuditEvent, TokenBucket>();
  readonly #kinds = new Map<string, Kind>();
  readonly #leftOut = new Map<AuditEvent, number>();
  #timer: NodeJS.Timeout | undefined;

  private constructor(file: AuditFile) {
    this.#file = file;
  }

  /**
   * Opens the file, or makes it, for its owner alone.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT` where it is no file, or its folder does not exist
   */
  static async open({ file, version, log, openFile }: AuditOptions): Promise<AuditLog> {
    const lostLine = (count: number): string => lineOf('lost', { count });
    const audit = new AuditLog(await AuditFile.open(file, { log, lostLine, ...(openFile && { openFile }) }));
    audit.record('start', { version, pid: process.pid });
    return audit;
  }

  /** How it goes with its file. */
  get state(): AuditState {
    return this.#file.state;
  }

  /** Records what happens in a server from now on. */
  follow(server: EventEmitter<ServerEvents>): void {
    auditServer(server, this.record);
  }

  /** Records that something has happened; nothing that a peer has said, and no connect id. */
  readonly record = <E extends AuditEvent>(event: E, fields: AuditFields<E>): void => {
    const by = byOf(event);
    if (by) {
      const values = fields as Readonly<Partial<Record<AuditField, unknown>>>;
      let name: string = event;
      for (const field of by) name += `\0${String(values[field])}`;
      const kind = this.#kinds.get(name);
      if (kind) {
        kind.more += 1;
        return;
      }
      if (this.#kinds.size < MAX_KINDS) {
        const same = Object.fromEntries(by.map((field) => [field, values[field]]));
        this.#kinds.set(name, { event, fields: same, more: 0 });
      }
      this.#countLater();
    }
    this.#write(event, fields);
  };

  /**
   * Opens the file again, once it has been renamed: for a rotation of logs. Returns whether that was possible; the old one
   * stays in use otherwise. Never rejects.
   */
  async reopen(): Promise<boolean> {
    const opened = await this.#file.reopen();
    if (opened) this.record('reopened', {});
    return opened;
  }

  /** Writes everything, and closes the file. Never rejects. */
  async close(): Promise<void> {
    this.#count();
    this.#write('stop', {});
    await this.#file.close();
  }

  #write(event: AuditEvent, fields: AuditFields): void {
    const now = performance.now();
    let bucket = this.#buckets.get(event);
    if (!bucket) this.#buckets.set(event, (bucket = new TokenBucket(RATE, now)));
    if (bucket.waitMs(now) > 0) {
      this.#leftOut.set(event, (this.#leftOut.get(event) ?? 0) + 1);
      this.#countLater();
      return;
    }
    bucket.consume();
    this.#file.write(lineOf(event, fields));
  }

  #countLater(): void {
    this.#timer ??= setTimeout(() => this.#count(), COUNT_MS).unref();
  }

  /** Writes how often the same has happened again, and how much was left out. */
  #count(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const [name, kind] of this.#kinds) {
      if (kind.more === 0) {
        this.#kinds.delete(name);
        continue;
      }
      this.#write(kind.event, { ...kind.fields, count: kind.more });
      kind.more = 0;
    }
    for (const [of, count] of this.#leftOut) this.#file.write(lineOf('left-out', { of, count }));
    this.#leftOut.clear();
    if (this.#kinds.size > 0) this.#countLater();
  }
}

/** By which fields lines of an event are the same, if they may be. */
function byOf(event: AuditEvent): readonly AuditField[] | undefined {
  const row: AuditRow = AUDIT_EVENTS[event];
  return row.by;
}

function lineOf(event: AuditEvent, fields: AuditFields): string {
  const shown = Object.entries(fields).map(([name, value]) => [
    name,
    typeof value === 'string' && value.length > MAX_TEXT_CHARS ? clipEscaped(value, MAX_TEXT_CHARS) : value,
  ]);
  return toJsonLine({ time: new Date().toISOString(), event, ...(Object.fromEntries(shown) as object) });
}
