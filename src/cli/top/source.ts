import type { StatusAddress } from '../../ops/status-address.ts';
import { ask } from '../ctl/socket.ts';
import { readStatus } from '../status/read.ts';
import { snapshotOfLines, snapshotOfStatus, type Snapshot } from './snapshot.ts';

/** Where snapshots of a server come from. */
export interface Source {
  /** @throws {ChatosError} where the server does not answer */
  read(): Promise<Snapshot>;
}

/** A server does not take longer to answer, unless it is blocked. */
const TIMEOUT_MS = 5_000;

/** The status endpoint where one is named, else the control socket: after a restart, that of the new process. */
export function sourceOf(flags: {
  readonly status?: StatusAddress;
  readonly control?: string;
  readonly config?: string;
}): Source {
  const { status } = flags;
  if (status) return { read: async () => snapshotOfStatus(await readStatus(status)) };
  return { read: async () => snapshotOfLines(await ask(flags, { command: 'top' }, TIMEOUT_MS)) };
}
