import { closeSync, fchmodSync, fsync, renameSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { ChatosError } from '../../errors.ts';
import type { ByteSink } from '../bytes.ts';
import { writeAllSync } from '../descriptor.ts';
import { resolveConflict, type ConflictMode } from './conflict.ts';
import { atPath, unsafe } from './failures.ts';
import { nameProblem, partName, portabilityProblem } from './names.ts';
import { createPart, moveToFree } from './part-file.ts';
import { Place } from './place.ts';

/**
 * Keeps a stream in a file, which has its name when the stream has come to its end and is on the disk.
 *
 * @throws {ChatosError} `DATA_INCOMPLETE` where the name is refused, `REQUEST_REFUSED` where something has it
 */
export function streamFile(directory: string, name: string, conflict: ConflictMode, anyNames: boolean): ByteSink {
  const problem = nameProblem(name) ?? (anyNames ? undefined : portabilityProblem(name));
  if (problem !== undefined) throw unsafe(problem);
  const place = Place.open(directory);
  const resolution = resolveConflict(place, name, conflict === 'resume' ? 'refuse' : conflict, () => false);
  if (resolution.act === 'leave') {
    place.close();
    const message = `${path.join(directory, name)}: ${resolution.reason}`;
    throw new ChatosError('REQUEST_REFUSED', message, { fields: { why: resolution.reason } });
  }
  const part = place.at(partName(resolution.name));
  const shown = path.join(directory, resolution.name);
  const fd = createPart(part);
  return {
    write(chunk) {
      try {
        writeAllSync(fd, chunk);
      } catch (error) {
        throw atPath(error, shown);
      }
    },
    async end() {
      await new Promise<void>((resolve, reject) =>
        fsync(fd, (error) => (error ? reject(atPath(error, shown)) : resolve())),
      );
      fchmodSync(fd, 0o666 & ~process.umask());
      closeSync(fd);
      if (resolution.replaces) renameSync(part, place.at(resolution.name));
      else moveToFree(part, place.at(resolution.name));
      await place.sync();
      place.close();
    },
  };
}
