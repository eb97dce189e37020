import { lstatSync, readdirSync, readlinkSync, realpathSync, statSync, type BigIntStats } from 'node:fs';
import path from 'node:path';
import { ChatosError } from '../../errors.ts';
import { fileProblem } from './failures.ts';
import type { Entry } from './entry.ts';
import type { Exclusions } from './exclusions.ts';
import { isPartName, linkProblem, nameProblem, sizeProblem } from './names.ts';
import { Place } from './place.ts';

/** A file or folder that a user has named to be sent. */
export interface Source {
  /** Where it is. */
  readonly path: string;
  /** What it is called at the other side. */
  readonly name: string;
}

/** An entry, and what its sender has to know of it. */
export interface WalkedEntry extends Entry {
  /** Where it is here. */
  readonly source: string;
  /** What tells the file from one that was put in its place. */
  readonly identity: string;
}

/** What a walk does with what cannot be sent. */
export interface WalkRules {
  /** What is left out of folders, as the user wants it: without a word. @default nothing */
  readonly exclusions?: Exclusions | undefined;
  /** What becomes of links that lead out of the folder that was named. */
  readonly outsideLinks: 'refuse' | 'skip';
  /** Something is left out, that is neither file, folder nor link, or cannot be read. */
  readonly onLeftOut: (source: string, why: string, isFailure: boolean) => void;
}

/** So many entries, and everything else has its turn. */
const TURN_ENTRIES = 128;

/**
 * The files and folders that were named, each folder before what is in it, in the order of their names. Only the names of
 * the folders on the way are in memory.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where a source is not there or cannot be sent, or a link leads outside
 */
export async function* walk(sources: readonly Source[], rules: WalkRules): AsyncGenerator<WalkedEntry> {
  let count = 0;
  for (const { path: source, name } of sources) {
    for (const entry of walkSource(source, name, rules)) {
      yield entry;
      if (++count % TURN_ENTRIES === 0) await new Promise(setImmediate);
    }
  }
}

function* walkSource(source: string, name: string, rules: WalkRules): Generator<WalkedEntry> {
  let stats: BigIntStats;
  try {
    // A link that was named stands for what it leads to.
    stats = statSync(source, { bigint: true });
    if (!stats.isFile() && !stats.isDirectory()) {
      throw new ChatosError(
        'INVALID_ARGUMENT',
        `cannot send ${source}: it is neither a file nor a folder ('send -' takes standard input)`,
      );
    }
    if (stats.isFile()) {
      yield entryOf(stats, name, realpathSync(source));
      return;
    }
    const folder = entryOf(stats, name, source);
    yield* walkFolder(Place.open(source), folder, 1, rules);
  } catch (error) {
    if (error instanceof ChatosError || (error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new ChatosError('INVALID_ARGUMENT', `cannot send ${source}: ${fileProblem(error)}`, { cause: error });
  }
}

/** The folder, which is closed at the end, also where the walk is given up before; and what is in it. */
function* walkFolder(place: Place, folder: WalkedEntry, depth: number, rules: WalkRules): Generator<WalkedEntry> {
  try {
    yield folder;
    const names = readdirSync(place.self).toSorted();
    for (const name of names) {
      const source = path.join(place.path, name);
      if (isPartName(name)) {
        rules.onLeftOut(source, 'it is an unfinished file of receive', false);
        continue;
      }
      try {
        yield* walkEntry(place, name, `${folder.path}/${name}`, depth, rules);
      } catch (error) {
        if (error instanceof ChatosError || (error as NodeJS.ErrnoException).code === undefined) throw error;
        rules.onLeftOut(source, name.includes('\uFFFD') ? 'its name is not UTF-8' : fileProblem(error), true);
      }
    }
  } finally {
    place.close();
  }
}

function* walkEntry(
  place: Place,
  name: string,
  shown: string,
  depth: number,
  rules: WalkRules,
): Generator<WalkedEntry> {
  const source = path.join(place.path, name);
  const stats = lstatSync(place.at(name), { bigint: true });
  const inFolder = shown.slice(shown.indexOf('/') + 1);
  if (rules.exclusions?.matches(inFolder, stats.isDirectory())) return;
  const problem = sizeProblem(shown);
  if (problem !== undefined) {
    throw new ChatosError(
      'INVALID_ARGUMENT',
      `cannot send ${source}: ${problem} (tar c … | chatosbot send - has no limit)`,
    );
  }
  const entry = entryOf(stats, shown, source);
  if (stats.isFile()) {
    yield entry;
  } else if (stats.isDirectory()) {
    yield* walkFolder(place.child(name), entry, depth + 1, rules);
  } else if (stats.isSymbolicLink()) {
    const target = readlinkSync(place.at(name));
    const outside = linkProblem(target, depth);
    if (outside === undefined) {
      yield { ...entry, target };
    } else if (rules.outsideLinks === 'skip') {
      rules.onLeftOut(source, `${outside}: ${target}`, false);
    } else {
      const message = `cannot send the link ${source} to ${target}: ${outside}; --outside-links skip leaves such links out`;
      throw new ChatosError('INVALID_ARGUMENT', message);
    }
  } else {
    rules.onLeftOut(source, 'it is neither a file, a folder nor a link', false);
  }
}

function entryOf(stats: BigIntStats, shown: string, source: string): WalkedEntry {
  const problem = nameProblem(path.posix.basename(shown));
  if (problem !== undefined) throw new ChatosError('INVALID_ARGUMENT', `cannot send ${source}: ${problem}`);
  const isFile = stats.isFile();
  return {
    kind: isFile ? 'file' : stats.isDirectory() ? 'folder' : 'link',
    path: shown,
    mode: Number(stats.mode) & 0o777,
    modifiedNs: stats.mtimeNs,
    size: isFile ? Number(stats.size) : 0,
    // Blocks are counted in 512 bytes.
    isSparse: isFile && stats.blocks * 512n < stats.size,
    target: '',
    source,
    identity: `${stats.dev}:${stats.ino}`,
  };
}
