import { statSync, type BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';

/** Pause between two looks at up to so many files; at more of them, longer in proportion. */
const LOOK_MS = 100;
const LOOK_FILES = 100;
/** The times of files are by a clock that is so much behind at most. */
const FILE_CLOCK_LAG_MS = 10;

interface Seen {
  look: string;
  /** What it looked like when it was found changed: a file that is being written looks different every time. */
  changed: string | undefined;
}

/**
 * Tells which files have changed, come or gone, once they no longer change. It looks at them again and again: what the
 * operating system tells about changes is lost with a folder that is removed, and never comes from many shared folders.
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
   * @param since what has changed after this in those that are new here counts; in ms since 1970
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

/** Whether it has changed, and is as it was at the last look. */
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

/** How a file looks; empty where there is none. */
function lookOf(stats: BigIntStats | undefined): string {
  return stats ? `${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}` : '';
}
