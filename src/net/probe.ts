import type { Address } from './address.ts';
import { dial } from './dial.ts';

/** A server that says nothing for this long counts as alive: some do not notice the end of a connection. */
const PATIENCE_MS = 2_000;

/**
 * Whether a server process lives at the address: it accepts a connection, and answers its end with an end. The system
 * itself may still accept for a process that has just been killed, but breaks that connection off.
 */
export async function isAlive(server: Address): Promise<boolean> {
  try {
    const transport = await dial(server);
    return await new Promise((resolve) => {
      const settle = (alive: boolean): void => {
        clearTimeout(timer);
        transport.stream.destroy();
        resolve(alive);
      };
      const timer = setTimeout(() => settle(true), PATIENCE_MS);
      transport.onEnd(() => settle(true));
      transport.stream.on('close', () => settle(false)).resume();
      transport.stream.end();
    });
  } catch {
    return false;
  }
}
