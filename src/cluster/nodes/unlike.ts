import type { Socket } from 'node:net';
import { PeerFailure } from './peer-failure.ts';
import { PeerMessages } from './peer-messages.ts';

/** An alert of TLS (RFC 8446, 6), `protocol_version`: one that calls with TLS hears that this side has it off. */
const NO_TLS = Buffer.from([0x15, 3, 3, 0, 2, 2, 70]);
/** What a caller without TLS gets in place of a hello. */
const TLS_ONLY = Buffer.from('this node encrypts');
/** The other side closes the connection within this, in milliseconds. */
const CLOSE_MS = 5_000;

/** Two nodes of which one encrypts, in words for the log of one of them. */
export function unlike(isEncryptedHere: boolean): PeerFailure {
  const [here, there] = isEncryptedHere ? ['on', 'off'] : ['off', 'on'];
  return new PeerFailure(
    `encryption between nodes is ${here} at this node and ${there} at the other one: one of the two has serve.cluster.encrypt: false`,
  );
}

/** Closes the connection of a caller that encrypts, or does not, and lets it know why. Resolves when it is closed. */
export function closeUnlike(socket: Socket, isCallerEncrypted: boolean): Promise<void> {
  return new Promise((resolve) => {
    const destroy = (): void => void socket.destroy();
    const timer = setTimeout(destroy, CLOSE_MS).unref();
    socket.on('error', () => undefined).once('end', destroy);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    if (isCallerEncrypted) socket.write(NO_TLS);
    else new PeerMessages(socket, 0).send(TLS_ONLY);
    // What is not read would reset the connection, and the other side had nothing.
    socket.resume().end();
  });
}

/** Whether an error of TLS, or what came in place of a hello, is what {@link closeUnlike} has sent. */
export function isUnlike(seen: Buffer | NodeJS.ErrnoException): boolean {
  if (Buffer.isBuffer(seen)) return seen.equals(TLS_ONLY);
  return /ALERT.PROTOCOL.VERSION/i.test(`${seen.code} ${seen.message}`);
}
