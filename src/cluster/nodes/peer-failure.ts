import { messageOf } from '../../errors.ts';

/** Why two processes of a cluster do not come together, in words for the log: none of them says anything of a secret. */
export class PeerFailure extends Error {
  /** Whether it may be over by itself soon, so that nobody need hear of the first time. */
  readonly isPassing: boolean;

  constructor(why: string, isPassing = false) {
    super(why);
    this.isPassing = isPassing;
  }
}

export const WRONG_SECRET = 'its secret is not that of this cluster: all nodes need the same secret';
export const ABORTED_EARLY = 'it closed the connection before it had said who it is';

export function failedBecause(error: unknown): PeerFailure {
  return error instanceof PeerFailure ? error : new PeerFailure(messageOf(error), true);
}
