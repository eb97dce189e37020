// In a process of load: clients of a chat server.
import net from 'node:net';
import tls from 'node:tls';
import { dialectOf, type Dialect } from '../servers/dialects.ts';

/** Which clients a process of load is. */
export interface Clients {
  readonly dialect: string;
  readonly port: number;
  /** Of the first of them. */
  readonly number: number;
  readonly clients: number;
  /** Whether they speak TLS. */
  readonly secured?: boolean;
}

/** One context for all. */
const secureContext = tls.createSecureContext({ ca: [] });

export interface Client {
  readonly login: string;
  readonly socket: net.Socket;
  /** Gets what arrives; the bytes are lent for this call. */
  receive: (bytes: Buffer) => void;
}

/** One for all: what is read is looked at, and then not needed any more. */
const buffer = Buffer.alloc(256 * 1024);

/** Resolves when the server has let all of them in. */
export async function connectClients({
  dialect: name,
  port,
  number,
  clients: count,
  secured,
}: Clients): Promise<Client[]> {
  const dialect = dialectOf(name);
  const clients: Client[] = [];
  while (clients.length < count) {
    const next = number + clients.length;
    const length = Math.min(dialect.backlog, count - clients.length);
    clients.push(
      ...(await Promise.all(Array.from({ length }, (_, i) => connect(dialect, port, next + i, secured === true)))),
    );
  }
  return clients;
}

function connect(dialect: Dialect, port: number, number: number, secured: boolean): Promise<Client> {
  return new Promise((resolve, reject) => {
    const callback = (count: number): boolean => {
      client.receive(buffer.subarray(0, count));
      return true;
    };
    // One address has only so many ports.
    const localAddress = `127.0.0.${100 + (number % 100)}`;
    const options = { port, host: '127.0.0.1', localAddress, noDelay: true, onread: { buffer, callback } };
    const socket = secured
      ? tls.connect({ ...options, secureContext, rejectUnauthorized: false } as tls.ConnectionOptions)
      : net.connect(options);
    // All of one length, so that all deliveries are.
    const login = `u${String(number).padStart(5, '0')}`;
    let answer = Buffer.alloc(0);
    const receive = (bytes: Buffer): void => {
      answer = Buffer.concat([answer, bytes]);
      if (dialect.welcomed(answer)) resolve(client);
    };
    const client: Client = { login, socket, receive };
    socket.once('error', reject);
    socket.once('close', () => {
      throw new Error(`${login} lost its connection`);
    });
    socket.write(dialect.hello(login));
  });
}
