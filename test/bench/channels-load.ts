// One side of many channels, as a process of its own: see channels.ts.
import { once } from 'node:events';
import net from 'node:net';

export interface ChannelsLoad {
  readonly role: 'sender' | 'receiver';
  readonly port: number;
  readonly connectIds: readonly string[];
  /** Of each channel. */
  readonly bytes: number;
}

const { role, port, connectIds, bytes } = JSON.parse(process.argv[2]!) as ChannelsLoad;
const ESTABLISHED = 1;
/** One for all: what is read is only counted. */
const buffer = Buffer.alloc(256 * 1024);
let established = 0;
let complete = 0;

const sockets = connectIds.map((id) => {
  let received = 0;
  const callback = (count: number): boolean => {
    if (received === 0 && ++established === connectIds.length) process.send!('established');
    received += count;
    if (received === ESTABLISHED + bytes && ++complete === connectIds.length) process.send!('done');
    return true;
  };
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer, callback } });
  const hello = Buffer.alloc(5, 9);
  hello.writeInt32BE(Number(id), 1);
  socket.write(hello);
  return socket;
});

if (role === 'sender') {
  await once(process, 'message');
  const chunk = Buffer.alloc(64 * 1024);
  await Promise.all(
    sockets.map(async (socket) => {
      for (let left = bytes; left > 0; left -= chunk.length) {
        if (!socket.write(left < chunk.length ? chunk.subarray(0, left) : chunk)) await once(socket, 'drain');
      }
    }),
  );
}
