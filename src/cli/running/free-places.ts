import type { StatusAddress } from '../../ops/status-address.ts';

/** Where a server is to be operated, beside the addresses for its users. */
export interface OperatedAt {
  readonly status: StatusAddress | undefined;
  /** As {@link ControlPlan.path}. */
  readonly control: string | false | undefined;
}

/**
 * Finds out whether a server can have its status endpoint, and the control socket that was given, before it lets users in.
 *
 * @throws {ChatosError} `LISTEN_FAILED`, or `INVALID_ARGUMENT` for the path of the socket
 */
export async function checkPlaces({ status, control }: OperatedAt): Promise<void> {
  if (status) await (await import('../../ops/status-endpoint.ts')).checkStatusAddress(status);
  if (typeof control === 'string') await (await import('../../ops/control-socket.ts')).checkControlSocket(control);
}
