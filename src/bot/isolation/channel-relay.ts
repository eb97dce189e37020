import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Channel, type ChannelRole } from '../../client/channel.ts';
import { packError, unpackError, type CrossingError } from './crossing-error.ts';
import { PortSocket } from './port-socket.ts';

/** A private connection as it is handed to the worker. */
export interface CrossingChannel {
  readonly port: MessagePort;
  readonly peer: string;
  readonly role: ChannelRole;
  readonly connectId: bigint;
}

/** What is said beside the bytes: by the worker, `close`; by the main thread, the others. */
type ChannelNote = { readonly close: true } | { readonly closedByPeer: true } | { readonly broke: CrossingError };

/**
 * In the main thread: hands a channel to the worker, and carries its bytes until both sides of it are over.
 *
 * @param onOver called when the worker has taken all that came, or when the channel is broken
 */
export function relayChannel(channel: Channel, onOver: () => void): CrossingChannel {
  const { port1, port2 } = new MessageChannel();
  const socket = new PortSocket(port1);
  const note = (text: ChannelNote): void => socket.note(text);
  const tellClosedByPeer = (): void => {
    if (channel.closedByPeer) note({ closedByPeer: true });
  };
  channel.once('end', tellClosedByPeer);
  channel.once('error', (error) => {
    // One that the peer closed finds out by itself: it may have bytes to read yet.
    if (!channel.closedByPeer) note({ broke: packError(error) });
  });
  channel.once('close', () => {
    tellClosedByPeer();
    socket.unpipe(channel);
    // All that came is in the socket's hands; what is still written at the other side goes nowhere.
    if (channel.readableEnded && (channel.closedByPeer || channel.writableFinished)) socket.resume();
    else socket.destroy();
  });
  socket.on('note', () => void channel.close());
  socket.on('error', () => undefined);
  socket.once('close', () => {
    if (!socket.over) channel.destroy();
    onOver();
  });
  if (channel.closed) socket.destroy();
  channel.pipe(socket).pipe(channel);
  return { port: port2, peer: channel.peer, role: channel.role, connectId: channel.connectId };
}

/** In the worker: the channel. It is the same class as in the main thread, over another kind of socket. */
export function receiveChannel({ port, peer, role, connectId }: CrossingChannel): Channel {
  const socket = new PortSocket(port);
  const requestClose = (): boolean => {
    socket.note({ close: true } satisfies ChannelNote);
    return true;
  };
  const channel = new Channel({ transport: socket, rest: Buffer.alloc(0), peer, role, connectId, requestClose });
  socket.on('note', (note: ChannelNote) => {
    if ('closedByPeer' in note && !channel.closedByPeer) channel.markClosedByPeer();
    if ('broke' in note) channel.destroy(unpackError(note.broke) as Error);
  });
  // The main thread writes the line in the log.
  return channel.on('error', () => undefined);
}
