import { ChatosError } from '../errors.ts';

/** This private connection is of no use; another one may be. */
export function connectionLost(message: string, cause?: unknown): ChatosError {
  return new ChatosError('CHANNEL_ABORTED', message, { cause });
}
