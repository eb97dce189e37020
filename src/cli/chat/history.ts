import { appendFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { makePrivateFolder, userStateDirectory } from '../../util/user-state-directory.ts';

/** Lines that are kept. */
const MAX_LINES = 1_000;
/** A file that has so many is made shorter when it is read. */
const MAX_FILE_LINES = 2_000;
const MAX_LINE_CHARS = 4_096;

/** Where the typed lines of a command are kept: in XDG_STATE_HOME, else in ~/.local/state. */
export function historyFile(name: string): string {
  return path.join(userStateDirectory(), `${name}-history`);
}

/**
 * The lines that were typed before, in a file of the user alone. Where it cannot be read or written, there is no history,
 * and nobody is bothered by that.
 */
export class LineHistory {
  readonly #file: string;
  #last: string | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  /** The lines, the newest first. */
  read(): string[] {
    try {
      if (!existsSync(this.#file)) return [];
      const lines = readFileSync(this.#file, 'utf8').split('\n').filter(Boolean);
      const kept = lines.slice(-MAX_LINES);
      if (lines.length > MAX_FILE_LINES) this.#replace(kept);
      this.#last = kept.at(-1);
      return kept.toReversed();
    } catch {
      return [];
    }
  }

  add(line: string): void {
    if (line.trim() === '' || line === this.#last || line.length > MAX_LINE_CHARS || line.includes('\n')) return;
    this.#last = line;
    try {
      makePrivateFolder(path.dirname(this.#file));
      appendFileSync(this.#file, `${line}\n`, { mode: 0o600 });
    } catch {
      // Of what use would it be to tell?
    }
  }

  #replace(lines: readonly string[]): void {
    const draft = `${this.#file}.${process.pid}`;
    try {
      writeFileSync(draft, `${lines.join('\n')}\n`, { mode: 0o600, flag: 'wx' });
      renameSync(draft, this.#file);
    } catch {
      rmSync(draft, { force: true });
    }
  }
}
