// Clients that log in and stay, as a process of its own: see sessions.ts.
import { once } from 'node:events';
import net from 'node:net';

export interface SessionsLoad {
  readonly port: number;
  readonly count: number;
}

export interface SessionsAnswer {
  /** From the first connection to the last LOGIN_ACCEPTED. */
  readonly seconds: number;
}

/** Connections that are opened at a time: more would overflow the queue of those that the server has not accepted. */
const AT_ONCE = 200;

const { port, count } = JSON.parse(process.argv[2]!) as SessionsLoad;
const sockets: net.Socket[] = [];

async function logIn(number: number): Promise<void> {
  // One address has only so many ports.
  const socket = net.connect({ port, host: '127.0.0.1', localAddress: `127.0.0.${2 + (number % 200)}` });
  sockets.push(socket);
  const login = Buffer.from(`u${number}`);
  socket.write(Buffer.concat([Buffer.from([0, 0, 0, 0, login.length]), login]));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  if (answer[0] !== 1) throw new Error(`u${number} was refused`);
}

const startedAt = performance.now();
for (let next = 0; next < count; next += AT_ONCE) {
  const some = Math.min(AT_ONCE, count - next);
  await Promise.all(Array.from({ length: some }, (_, index) => logIn(next + index)));
}
process.send!({ seconds: (performance.now() - startedAt) / 1000 } satisfies SessionsAnswer);
