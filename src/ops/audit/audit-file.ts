import { writeSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import process from 'node:process';
import { messageOf } from '../../errors.ts';
import type { Logger } from '../../util/log.ts';
import { pluralize } from '../../util/printable.ts';
import { openToAppend, reasonOf } from './append-file.ts';

/** Lines wait so long for others, in milliseconds: what a kill takes along, and how often the disk is asked at most. */
const GATHER_MS = 200;
/** So much is not waited with, in bytes. */
const GATHER_BYTES = 64 * 1024;
/** After a failure, this long until the next try. */
const RETRY_MS = 1_000;
const NEWLINE = 0x0a;

/** What may wait for a disk that is slow, full or away; lines beyond are lost, and counted. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

export interface AuditFileOptions {
  /** Reports, once each, that the file cannot be written, and that it can again. */
  readonly log: Logger;
  /** The line that says how many are missing before it. */
  readonly lostLine: (lines: number) => string;
  /** Makes the file. @default opens it, to append */
  readonly openFile?: (file: string) => Promise<FileHandle>;
}

/** How it goes with a file. */
export interface AuditState {
  /** Whether the last try to write it has succeeded. */
  readonly written: boolean;
  /** Lines that are missing in it, since the start. */
  readonly lostLines: number;
}

/**
 * A file that lines are appended to, gathered, and written by the system's threads: a disk that is slow holds up nobody.
 * Where it cannot be written, what waits is tried again, what does not fit is counted, and a line says so when it can.
 */
export class AuditFile {
  readonly #path: string;
  readonly #options: Required<AuditFileOptions>;
  #handle: FileHandle;
  #lines: string[] = [];
  #waitingBytes = 0;
  /** What is being written, and how many lines of it are whole or in part unwritten. */
  #batch: Buffer | undefined;
  #lost = 0;
  #lostInAll = 0;
  #failing = false;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;
  /** What is done with the file, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #inFlight = false;
  /** The file ends in the middle of a line. */
  #midLine = false;

  private constructor(path: string, handle: FileHandle, options: Required<AuditFileOptions>) {
    this.#path = path;
    this.#handle = handle;
    this.#options = options;
    process.on('exit', this.#onExit);
  }

  /** @throws {ChatosError} `INVALID_ARGUMENT` where it is no file, or cannot be opened or made */
  static async open(path: string, { openFile = openToAppend, ...options }: AuditFileOptions): Promise<AuditFile> {
    const audit = new AuditFile(path, await openFile(path), { openFile, ...options });
    await audit.#endLine();
    return audit;
  }

  get state(): AuditState {
    return { written: !this.#failing, lostLines: this.#lostInAll };
  }

  /** Adds a line, without its newline. */
  write(line: string): void {
    const bytes = Buffer.byteLength(line) + 1;
    if (this.#closed || this.#waitingBytes + bytes > MAX_WAITING_BYTES) {
      this.#lose();
      return;
    }
    this.#lines.push(line);
    this.#waitingBytes += bytes;
    if (this.#waitingBytes >= GATHER_BYTES && !this.#failing) this.#soon(0);
    else this.#soon(this.#failing ? RETRY_MS : GATHER_MS);
  }

  /** Writes what waits; resolves when it is written, or has failed. Never rejects. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#work = this.#work.then(() => this.#writeAll());
    return this.#work;
  }

  /**
   * Opens the file again, after what waits was written to the old one: it may have been renamed meanwhile. Where that fails,
   * the old one stays in use, and the log says so. Never rejects.
   */
  async reopen(): Promise<boolean> {
    if (this.#closed) return false;
    await this.flush();
    let opened = true;
    this.#work = this.#work.then(async () => {
      try {
        await this.#openAgain();
      } catch (error) {
        opened = false;
        this.#options.log.error('audit log not opened again; the old file stays in use', { why: messageOf(error) });
      }
    });
    await this.#work;
    return opened;
  }

  /** Writes what waits, and closes the file. Never rejects. */
  async close(): Promise<void> {
    if (this.#closed) return;
    await this.flush();
    this.#closed = true;
    clearTimeout(this.#timer);
    process.off('exit', this.#onExit);
    await this.#handle.close().catch(() => undefined);
    const lost = this.#lost + this.#lines.length + linesIn(this.#batch);
    if (lost > 0) this.#options.log.error('audit log incomplete', { lost });
  }

  async #openAgain(): Promise<void> {
    const handle = await this.#options.openFile(this.#path);
    const old = this.#handle;
    this.#handle = handle;
    await old.close().catch(() => undefined);
    this.#dropHalfLine();
    await this.#endLine();
  }

  #lose(): void {
    this.#lost += 1;
    this.#lostInAll += 1;
  }

  #soon(ms: number): void {
    if (this.#timer && ms > 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), ms).unref();
  }

  async #writeAll(): Promise<void> {
    while (this.#batch || this.#lines.length > 0) {
      if (!(await this.#writeBatch())) return;
      if (this.#lost > 0 && this.#lines.length === 0) {
        const lost = this.#lost;
        this.#lost = 0;
        this.write(this.#options.lostLine(lost));
      }
    }
  }

  /** Writes what waits now, the rest of an earlier try first. Returns whether all of it is written. */
  async #writeBatch(): Promise<boolean> {
    this.#batch ??= this.#take();
    this.#inFlight = true;
    try {
      // What is written to a file that somebody has removed, nobody reads. One that was renamed has a name.
      if ((await this.#handle.stat()).nlink === 0) await this.#openAgain();
      while (this.#batch.length > 0) {
        const { bytesWritten } = await this.#handle.write(this.#batch);
        this.#waitingBytes -= bytesWritten;
        this.#midLine = this.#batch[bytesWritten - 1] !== NEWLINE;
        this.#batch = this.#batch.subarray(bytesWritten);
      }
    } catch (error) {
      this.#onFailure(error);
      return false;
    } finally {
      this.#inFlight = false;
    }
    this.#batch = undefined;
    if (this.#failing) {
      this.#failing = false;
      const message = this.#lost > 0 ? `${pluralize(this.#lost, 'line')} of it lost` : 'nothing of it lost';
      this.#options.log.warn(`audit log written again, ${message}`, { file: this.#path, lost: this.#lost });
    }
    return true;
  }

  /** What was begun in another file cannot be ended here. */
  #dropHalfLine(): void {
    if (!this.#batch || !this.#midLine) return;
    const end = this.#batch.indexOf(NEWLINE) + 1;
    this.#waitingBytes -= end;
    this.#lose();
    this.#batch = this.#batch.subarray(end);
    this.#midLine = false;
  }

  /** Half a line that somebody left in the file stays one by itself. */
  async #endLine(): Promise<void> {
    const { size } = await this.#handle.stat();
    if (size === 0) return;
    const { buffer } = await this.#handle.read(Buffer.alloc(1), 0, 1, size - 1);
    if (buffer[0] === NEWLINE) return;
    this.#batch = Buffer.concat([Buffer.of(NEWLINE), this.#batch ?? Buffer.alloc(0)]);
    this.#waitingBytes += 1;
  }

  #take(): Buffer {
    const text = `${this.#lines.join('\n')}\n`;
    this.#lines = [];
    return Buffer.from(text);
  }

  #onFailure(error: unknown): void {
    if (!this.#failing) {
      this.#options.log.error('audit log not written; the server goes on, and tries again every second', {
        file: this.#path,
        why: reasonOf(error),
      });
    }
    this.#failing = true;
    this.#soon(RETRY_MS);
  }

  /** The process ends at once: what waits is written now. What is under way already is done by the system. */
  readonly #onExit = (): void => {
    const rest = this.#lines.length > 0 ? this.#take() : Buffer.alloc(0);
    const bytes = this.#batch && !this.#inFlight ? Buffer.concat([this.#batch, rest]) : rest;
    try {
      if (bytes.length > 0) writeSync(this.#handle.fd, bytes);
    } catch {
      // There is nobody to report it to.
    }
  };
}

function linesIn(batch: Buffer | undefined): number {
  return batch ? batch.filter((byte) => byte === NEWLINE).length : 0;
}
