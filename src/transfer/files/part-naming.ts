import { constants, fstatSync, linkSync, lstatSync, openSync, renameSync, unlinkSync } from 'node:fs';
import { fileProblem } from './failures.ts';
import { partName } from './names.ts';
import type { Place } from './place.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants;

/** The file that was written has not its name any more: another process may be receiving it, too. */
export class PartReplaced extends Error {
  constructor() {
    super('its unfinished file was removed or replaced meanwhile: does another receive write here?');
  }
}

/** Why a file that has come could not get its name. */
export function namingProblem(error: unknown): string {
  if (error instanceof PartReplaced) return error.message;
  return isTaken(error) ? 'something has taken its name meanwhile' : fileProblem(error);
}

/** Whether it is about who has which name, and no failure of the system. */
export function isOfNames(error: unknown): boolean {
  return error instanceof PartReplaced || isTaken(error);
}

function isTaken(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EEXIST';
}

/** An empty part, in place of one that may be there. */
export function createPart(at: string): number {
  if (lstatSync(at, { throwIfNoEntry: false })) unlinkSync(at);
  return openSync(at, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
}

/**
 * Gives the file that is open, and that `part` is the name of, another name.
 *
 * @param replaces whether something may have that name, which is lost then
 * @throws an `EEXIST` error where something has it; {@link PartReplaced}
 */
export function moveInPlace(fd: number, part: string, name: string, replaces: boolean): void {
  const { ino, dev } = fstatSync(fd, { bigint: true });
  const checkIsOurs = (at: string): void => {
    const there = lstatSync(at, { bigint: true, throwIfNoEntry: false });
    if (there?.ino !== ino || there.dev !== dev) throw new PartReplaced();
  };
  checkIsOurs(part);
  if (replaces) renameSync(part, name);
  else moveToFree(part, name);
  checkIsOurs(name);
}

function moveToFree(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw error;
    // Not all file systems have links.
    if (lstatSync(to, { throwIfNoEntry: false })) throw Object.assign(new Error('exists'), { code: 'EEXIST' });
    renameSync(from, to);
    return;
  }
  unlinkSync(from);
}

/** A file that was complete, and whose sender or receiver ended just then, may still have its first name too. */
export function removeTwin(place: Place, name: string): void {
  const [part, file] = [place.at(partName(name)), place.at(name)];
  const [one, other] = [part, file].map((at) => lstatSync(at, { bigint: true, throwIfNoEntry: false }));
  if (one && other && one.ino === other.ino && one.dev === other.dev) unlinkSync(part);
}
