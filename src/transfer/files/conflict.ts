import { lstatSync, type Stats } from 'node:fs';
import { numberedName, partName } from './names.ts';
import type { Place } from './place.ts';

/** What becomes of a file where something else has its name. */
export type ConflictMode = 'refuse' | 'skip' | 'overwrite' | 'rename' | 'resume';

export const CONFLICT_MODES: readonly ConflictMode[] = ['refuse', 'skip', 'overwrite', 'rename', 'resume'];

/** What is done about something that has the name. */
export type Resolution =
  /** The file is received, under this name; `replaces` where what has it goes, `goesOn` where that is its beginning. */
  | { readonly act: 'receive'; readonly name: string; readonly replaces: boolean; readonly goesOn?: boolean }
  | { readonly act: 'leave'; readonly outcome: 'skipped' | 'refused'; readonly reason: string };

/** Whether a file of this name is being received. */
export type IsTaken = (place: Place, name: string) => boolean;

/** Why a file is not received that another process receives already. */
export const RECEIVED_ELSEWHERE = 'another receive is writing it: wait until that has ended, and run this again';

const MAX_NUMBER = 10_000;

/** What has the name, if anything. */
export function statOf(place: Place, name: string): Stats | undefined {
  return lstatSync(place.at(name), { throwIfNoEntry: false });
}

/** Something else has the name of a file that comes. */
export function resolveConflict(place: Place, name: string, mode: ConflictMode, isTaken: IsTaken): Resolution {
  if (mode === 'rename') return { act: 'receive', name: freeName(place, name, isTaken), replaces: false };
  if (isTaken(place, name)) return refused('it is being received from another sender');
  const there = statOf(place, name);
  if (!there) return { act: 'receive', name, replaces: false };
  if (mode === 'skip') return { act: 'leave', outcome: 'skipped', reason: 'it exists' };
  // A folder goes for nobody, and a device or a link is no part of a file.
  if (there.isDirectory()) return refused('there is a folder with this name');
  if (mode === 'overwrite') return { act: 'receive', name, replaces: true };
  if (mode === 'refuse') return refused('it exists, and is different (see --conflict)');
  if (!there.isFile()) return refused('what exists is no file');
  return { act: 'receive', name, replaces: true, goesOn: !statOf(place, partName(name)) };
}

function refused(reason: string): Resolution {
  return { act: 'leave', outcome: 'refused', reason };
}

/** The name, or the first one with a number, that nothing has. */
export function freeName(place: Place, name: string, isTaken: IsTaken): string {
  for (let number = 1; number < MAX_NUMBER; number += 1) {
    const candidate = number === 1 ? name : numberedName(name, number);
    if (!isTaken(place, candidate) && !statOf(place, candidate)) return candidate;
  }
  throw Object.assign(new Error('too many files of this name'), { code: 'EEXIST' });
}
