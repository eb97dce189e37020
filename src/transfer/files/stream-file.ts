import { closeSync, fchmodSync, fsync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { ChatosError } from '../../errors.ts';
import { escapeUnsafe } from '../../util/escape.ts';
import type { ByteSink } from '../bytes.ts';
import { writeAllSync } from '../descriptor.ts';
import { RECEIVED_ELSEWHERE, resolveConflict, type ConflictMode } from './conflict.ts';
import { atPath, incomplete, unsafe } from './failures.ts';
import { FileLock } from './file-lock.ts';
import { nameProblem, partName, portabilityProblem } from './names.ts';
import { createPart, isOfNames, moveInPlace, namingProblem } from './part-naming.ts';
import { Place } from './place.ts';

/** A file that a stream is kept in. */
export interface StreamFile extends ByteSink {
  /** It is over, also where the stream has not come to its end: what came of it is left behind. */
  release(): void;
}

/**
 * Keeps a stream in a file, which has its name when the stream has come to its end and is on the disk.
 *
 * @throws {ChatosError} `DATA_INCOMPLETE` where the name is refused, `REQUEST_REFUSED` where something has it
 */
export async function streamFile(
  directory: string,
  name: string,
  conflict: ConflictMode,
  anyNames: boolean,
): Promise<StreamFile> {
  const problem = nameProblem(name) ?? (anyNames ? undefined : portabilityProblem(name));
  if (problem !== undefined) throw unsafe(problem);
  const place = Place.open(directory);
  const refuse = (why: string): never => {
    place.close();
    throw new ChatosError('REQUEST_REFUSED', `${path.join(directory, name)}: ${why}`, { fields: { why } });
  };
  const resolution = resolveConflict(place, name, conflict === 'resume' ? 'refuse' : conflict, () => false);
  if (resolution.act === 'leave') return refuse(resolution.reason);
  const lock = (await FileLock.take(place, resolution.name)) ?? refuse(RECEIVED_ELSEWHERE);
  const part = place.at(partName(resolution.name));
  const shown = path.join(directory, resolution.name);
  let isOpen = true;
  const release = (): void => {
    if (!isOpen) return;
    isOpen = false;
    closeSync(fd);
    lock.release();
    place.close();
  };
  // Once it is released, its descriptors may be those of other files.
  const checkIsOpen = (): void => {
    if (!isOpen) throw incomplete(`${shown}: it was given up`);
  };
  let fd: number;
  try {
    fd = createPart(part);
  } catch (error) {
    lock.release();
    place.close();
    throw atPath(error, shown);
  }
  return {
    release,
    write(chunk) {
      checkIsOpen();
      try {
        writeAllSync(fd, chunk);
      } catch (error) {
        throw atPath(error, shown);
      }
    },
    async end() {
      checkIsOpen();
      const failure = await new Promise<Error | null>((resolve) => fsync(fd, resolve));
      checkIsOpen();
      if (failure) throw atPath(failure, shown);
      fchmodSync(fd, 0o666 & ~process.umask());
      try {
        moveInPlace(fd, part, place.at(resolution.name), resolution.replaces);
      } catch (error) {
        throw nameFailure(error, shown);
      }
      await place.sync();
      release();
    },
  };
}

/** It has come, and could not get its name. */
function nameFailure(error: unknown, shown: string): Error {
  if (!isOfNames(error)) return atPath(error, shown);
  const why = namingProblem(error);
  return new ChatosError('DATA_INCOMPLETE', `${escapeUnsafe(shown)}: ${why}`, { cause: error, fields: { why } });
}
