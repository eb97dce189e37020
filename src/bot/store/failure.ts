import { ChatosError, messageOf } from '../../errors.ts';
import { repairCommand } from './directory.ts';

/** What lies beneath the library's "failed to open". */
const causeOf = (error: unknown): unknown =>
  (error as NodeJS.ErrnoException | undefined)?.code === 'LEVEL_DATABASE_NOT_OPEN'
    ? ((error as Error).cause ?? error)
    : error;

/** Why it failed, in one line. */
export const reasonOf = (error: unknown): string => messageOf(causeOf(error)).split('\n')[0]!;

const codeOf = (error: unknown): unknown => (causeOf(error) as NodeJS.ErrnoException | undefined)?.code;

export const isLocked = (error: unknown): boolean => codeOf(error) === 'LEVEL_LOCKED';

/** What the process or the machine has too little of: no repair of a store helps. */
const SHORTAGE = /: (?:Too many open files(?: in system)?|Cannot allocate memory)$/;

/** The error to report where something could not be done with a store: what cannot be read is damaged. */
export function storeFailure(
  directory: string,
  what: 'opened' | 'read' | 'written' | 'repaired' | 'deleted',
  error: unknown,
): ChatosError {
  if (error instanceof ChatosError) return error;
  const inUse = isLocked(error);
  if (inUse) {
    const message = `the store in ${directory} is in use by another chatosbot: stop it, or use another --state`;
    return new ChatosError('STORE_UNAVAILABLE', message, { cause: error, fields: { directory, inUse } });
  }
  const why = reasonOf(error);
  const isOther = what !== 'read' || SHORTAGE.test(why);
  if (isOther && codeOf(error) !== 'LEVEL_CORRUPTION') {
    const message = `the store in ${directory} cannot be ${what}: ${why}`;
    return new ChatosError('STORE_UNAVAILABLE', message, { cause: error, fields: { directory, inUse } });
  }
  const message = `the store in ${directory} is damaged (${why}): stop its bot, and run: ${repairCommand(directory)}`;
  return new ChatosError('STORE_DAMAGED', message, { cause: error, fields: { directory } });
}

export function closedError(): ChatosError {
  return new ChatosError('ABORTED', 'the store is closed: its plugin has stopped');
}
