import { ChatosError } from '../errors.ts';

/** The peer has closed the channel (packet 11): what we were still writing goes nowhere. */
export function closedBy(peer: string, cause?: Error): ChatosError {
  return new ChatosError('CHANNEL_CLOSED', `${peer} closed the private connection`, { cause, fields: { peer } });
}

/** It broke: its connection was reset, or ended before both sides had ended it. */
export function aborted(peer: string, cause?: NodeJS.ErrnoException): ChatosError {
  const fields = { peer, errno: cause?.code };
  return new ChatosError('CHANNEL_ABORTED', `the private connection with ${peer} broke`, { cause, fields });
}

/** Its end is not to be believed: the server went away with it (P14). */
export function serverGone(peer: string): ChatosError {
  const message = `the server went away while the private connection with ${peer} ended; what went through may be incomplete`;
  return new ChatosError('CHANNEL_ABORTED', message, { fields: { peer } });
}

/** The server does not answer any more. */
export function linkDead(peer: string, cause: ChatosError): ChatosError {
  const message = `the private connection with ${peer} broke: the link to the server is dead`;
  return new ChatosError('CHANNEL_ABORTED', message, { cause, fields: { peer } });
}
