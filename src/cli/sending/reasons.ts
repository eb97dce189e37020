import { isChatosError, messageOf } from '../../errors.ts';
import { exitFor, ExitSignal } from '../terminal/exit.ts';

/** What the peer reads where we fail. */
export function reasonOf(error: unknown): string {
  if (isChatosError(error)) {
    const { why } = error.fields;
    if (typeof why === 'string') return why;
    return error.code === 'ABORTED' ? 'it was interrupted' : error.message;
  }
  if (error instanceof ExitSignal || (error as Error)?.name === 'AbortError') return 'it was interrupted';
  const { path } = error as NodeJS.ErrnoException;
  // Where files are on this machine is not for the peer.
  if (path !== undefined) return messageOf(error).replace(`${path}: `, '');
  const { message } = exitFor(error);
  return message === '' ? 'nobody reads its output' : (message ?? messageOf(error));
}
