import type { ChatosError } from '../errors.ts';

/**
 * A connection on which nothing comes is probed by the system after this long; if ten probes, one a second, are not
 * answered, it is ended: within 32 s. Not while bytes of ours are unacknowledged: those the system repeats for 15 minutes.
 */
export const KEEP_ALIVE_DELAY_MS = 20_000;

/** How long connections to the same peer have for a sign of life, once one of them has ended without an answer. */
export const SIGN_OF_LIFE_MS = 5_000;

/** What the system reports where the other side does not answer, as opposed to one that ends or breaks the connection. */
const UNANSWERED = new Set<unknown>(['ETIMEDOUT', 'EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN']);

/** Whether a connection was lost because the other side does not answer: the network between is dead, or the machine. */
export function isUnanswered(error: ChatosError | undefined): error is ChatosError {
  return error?.code === 'CONNECTION_LOST' && (UNANSWERED.has(error.fields['errno']) || 'silentMs' in error.fields);
}
