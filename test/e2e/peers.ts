/** The other side of what the commands do: clients that share no code with them. */
import type { Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { TcpTransport } from '../../src/net/tcp-transport.ts';
import { openHalf, RfcPeer, type Options } from '../support/rfc-peer.ts';

/** A client that has logged in; it leaves when the test is over. */
export async function peer(port: number, login: string, options: Options = {}): Promise<RfcPeer> {
  const made = await RfcPeer.connect(port, options);
  onTestFinished(made.destroy);
  if (!(await made.login(login))) throw new Error(`the login ${login} was refused`);
  return made;
}

/** One side of a private connection, with what its closing (packet 11) must name. */
export interface Half {
  readonly half: Socket;
  readonly connectId: bigint;
  readonly requester: string;
  readonly target: string;
}

/** Waits to be asked for a private connection, accepts, and opens this side of it. */
export async function acceptNext(from: RfcPeer, port: number): Promise<Half> {
  const { requester } = await from.next(5);
  from.ok(requester);
  return openNext(from, port);
}

/** Asks for a private connection and opens this side of it. */
export function ask(from: RfcPeer, port: number, target: string): Promise<Half> {
  from.request(target);
  return openNext(from, port);
}

async function openNext(from: RfcPeer, port: number): Promise<Half> {
  const { connectId, requester, target } = await from.next(8);
  const half = await openHalf(port, connectId);
  onTestFinished(() => void half.destroy());
  return { half, connectId, requester, target };
}

/**
 * How the other side of a private connection comes to its end: in order, or by a reset. What comes is thrown away.
 */
export function fate(socket: Socket): Promise<'end' | 'reset'> {
  return new Promise((resolve) => {
    socket.once('error', () => resolve('reset'));
    new TcpTransport(socket).onEnd(() => resolve('end'));
    socket.resume();
  });
}
