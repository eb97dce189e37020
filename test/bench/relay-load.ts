// One end of the relay benchmark, as a process of its own: see relay.ts.
import { once } from 'node:events';
import net from 'node:net';

export interface Load {
  readonly role: 'sender' | 'receiver';
  readonly port: number;
  /** Presents itself as this half of a channel; without it the connection is raw from the start. */
  readonly connectId?: string;
  /** Waits to be connected to, instead of connecting. */
  readonly listen?: boolean;
  readonly bytes: number;
}

const { role, port, connectId, listen, bytes } = JSON.parse(process.argv[2]!) as Load;

let received = 0;
const buffer = Buffer.alloc(1024 * 1024);
const greeting = connectId === undefined ? 0 : 1;
const onread = {
  buffer,
  callback: (count: number) => {
    received += count;
    if (received >= greeting && received - count < greeting) tell('connected');
    if (role === 'receiver' && received - greeting === bytes) tell('done');
    return true;
  },
};

function tell(message: string): void {
  process.send!(message);
}

async function heard(wanted: string): Promise<void> {
  for (;;) {
    const [message] = (await once(process, 'message')) as [unknown];
    if (message === wanted) return;
  }
}

async function connect(): Promise<net.Socket> {
  if (!listen) {
    tell('ready');
    await heard('go');
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true, onread });
    await once(socket, 'connect');
    return socket;
  }
  const server = net.createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  tell('ready');
  const [socket] = (await once(server, 'connection')) as [net.Socket];
  server.close();
  return socket;
}

const socket = await connect();
if (connectId === undefined) {
  tell('connected');
} else {
  const hello = Buffer.alloc(5, 9);
  hello.writeInt32BE(Number(connectId), 1);
  socket.write(hello);
}
if (role === 'sender') {
  await heard('send');
  const chunk = Buffer.alloc(256 * 1024);
  for (let sent = 0; sent < bytes; sent += chunk.length) {
    if (!socket.write(chunk)) await once(socket, 'drain');
  }
  socket.end();
}
