import type { Address } from './address.ts';
import { dial } from './dial.ts';

/** A server that says nothing for this long is taken to be alive: only some do not notice the end of a connection. */
const PATIENCE_MS = 2_000;

/**
 * Whether a server process lives at the address: it accepts a connection, and answers its end with an end. The system
 * itself may still accept for a process that has just been killed, but breaks that connection off.
 */
export async function isAlive(server: Address): Promise<boolean> {
  try {
    const socket = await dial(server);
    return await new Promise((resolve) => {
      const settle = (alive: boolean): void => {
        clearTimeout(timer);
        socket.destroy();
        resolve(alive);
      };
      const timer = setTimeout(() => settle(true), PATIENCE_MS);
      socket.on('error', () => settle(false));
      socket.on('end', () => settle(true));
      socket.resume();
      socket.end();
    });
  } catch {
    return false;
  }
}
