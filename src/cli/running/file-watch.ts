import { statSync, type BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';

/** Pause between two looks at up to so many files; longer in proportion for more files. */
const LOOK_MS = 100;
const LOOK_FILES = 100;
/** The clock of file times is late by at most so much. */
const FILE_CLOCK_LAG_MS = 10;

interface Seen {
  look: string;
  /** The look at which it was found changed: a file that is being written looks different every time. */
  changed: string | undefined;
}

/**
 * Reports which files were changed, created or removed, once they no longer change. It polls: the events of the operating
 * system are lost with a folder that is removed, and many shared folders have none.
 */
export class FileWatch {
  readonly #onChange: (files: ReadonlySet<string>) => void;
  readonly #lookMs: number;
  readonly #files = new Map<string, Seen>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** @param lookMs the pause between two looks */
  constructor(onChange: (files: ReadonlySet<string>) => void, lookMs = LOOK_MS) {
    this.#onChange = onChange;
    this.#lookMs = lookMs;
  }

  /**
   * Watches these files from now on, and no others.
   *
   * @param since changes after this count for files that were not watched before; in ms since 1970
   */
  watch(files: ReadonlySet<string>, since: number): void {
    for (const file of this.#files.keys()) if (!files.has(file)) this.#files.delete(file);
    for (const file of files) {
      if (this.#files.has(file)) continue;
      const stats = statOf(file);
      const isNew = stats !== undefined && Number(stats.ctimeMs) > since - FILE_CLOCK_LAG_MS;
      this.#files.set(file, { look: isNew ? 'as it was before' : lookOf(stats), changed: undefined });
    }
    if (this.#timer === undefined && !this.#closed) this.#timer = setTimeout(() => void this.#look(), 0);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    const changed = new Set<string>();
    await Promise.all(
      [...this.#files].map(async ([file, seen]) => {
        if (await hasChanged(file, seen)) changed.add(file);
      }),
    );
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#look(), this.#lookMs * Math.max(1, this.#files.size / LOOK_FILES));
    if (changed.size > 0) this.#onChange(changed);
  }
}

/** Whether a file has changed, and is the same as at the last look. */
async function hasChanged(file: string, seen: Seen): Promise<boolean> {
  const look = lookOf(await stat(file, { bigint: true }).catch(() => undefined));
  const isSettled = look !== seen.look && look === seen.changed;
  if (isSettled) seen.look = look;
  seen.changed = look === seen.look ? undefined : look;
  return isSettled;
}

function statOf(file: string): BigIntStats | undefined {
  try {
    return statSync(file, { bigint: true });
  } catch {
    return undefined;
  }
}

/** The look of a file; empty if there is no file. */
function lookOf(stats: BigIntStats | undefined): string {
  return stats ? `${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}` : '';
}
