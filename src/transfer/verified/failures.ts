import { ChatosError } from '../../errors.ts';
import { escapeUnsafe } from '../../util/escape.ts';
import { isCut } from '../secure/failures.ts';

/** The stream cannot be completed: nothing is tried again. */
export function incomplete(message: string, cause?: unknown): ChatosError {
  return new ChatosError('DATA_INCOMPLETE', message, { cause });
}

/** The peer has given up, and said why. */
export function givenUp(peer: string, reason: string): ChatosError {
  const message = `${peer} gave up: ${escapeUnsafe(reason) || 'it does not say why'}`;
  return new ChatosError('DATA_INCOMPLETE', message, { fields: { peer, byPeer: true } });
}

/** What came does not follow the rules of docs/verified-streams.md. */
export function ruleBroken(what: string): ChatosError {
  return incomplete(`the peer breaks the rules of --verify: ${what}`);
}

/** Whether another connection may go on where this one failed. */
export function isConnectionLost(error: unknown): error is ChatosError {
  if (!(error instanceof ChatosError)) return false;
  return error.code === 'CHANNEL_ABORTED' || error.code === 'CHANNEL_CLOSED' || isCut(error);
}
