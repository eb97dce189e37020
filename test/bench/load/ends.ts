import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';

/** One of the two ends of a connection through a relay, as a process of load is told to open it. */
export interface End {
  readonly port: number;
  /** Presents itself as this half of a channel; without it the connection is raw from the start. */
  readonly connectId?: string;
  /** Waits to be connected to, instead of connecting. */
  readonly listens?: true;
  /** Speaks TLS; one that listens has this certificate. */
  readonly tls?: { readonly cert: string; readonly key: string } | true;
}

/** The same cipher for all. */
const CIPHER = { minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' } as const;

export interface OpenEnd {
  readonly socket: net.Socket;
  /** Gets what arrives; the bytes are lent for this call. */
  receive: (bytes: Buffer) => void;
}

/** One for all: what is read is looked at, and then not needed any more. */
const buffer = Buffer.alloc(2 ** 20);

/** Resolves when those that listen do; what it resolves with opens all of them, joined to their other ends. */
export async function prepareEnds(ends: readonly End[]): Promise<() => Promise<OpenEnd[]>> {
  const listeners = ends.filter(({ listens }) => listens);
  const listening = listeners.map(({ port }) => port);
  const accepted = await Promise.all(
    [...new Set(listening)].map((port) =>
      accept(
        listeners.find((each) => each.port === port)!,
        listening.filter((each) => each === port).length,
      ),
    ),
  );
  return async () => {
    const connected = ends.filter(({ listens }) => !listens).map(connect);
    return [...(await Promise.all(connected)), ...(await Promise.all(accepted.map((all) => all()))).flat()];
  };
}

async function accept({ port, tls: pair }: End, count: number): Promise<() => Promise<OpenEnd[]>> {
  const server = typeof pair === 'object' ? tls.createServer({ ...pair, ...CIPHER }) : net.createServer();
  server.listen(port, '127.0.0.1', 1_024);
  const opened: OpenEnd[] = [];
  const complete = new Promise<OpenEnd[]>((resolve) => {
    server.on(pair ? 'secureConnection' : 'connection', (socket: net.Socket) => {
      socket.setNoDelay(true);
      const end: OpenEnd = { socket, receive: () => undefined };
      socket.on('data', (bytes: Buffer) => end.receive(bytes));
      if (opened.push(end) < count) return;
      server.close();
      resolve(opened);
    });
  });
  await once(server, 'listening');
  return () => complete;
}

function connect({ port, connectId, tls: secured }: End): Promise<OpenEnd> {
  return new Promise((resolve, reject) => {
    const callback = (count: number): boolean => {
      end.receive(buffer.subarray(0, count));
      return true;
    };
    const options = { port, host: '127.0.0.1', noDelay: true, onread: { buffer, callback } };
    const socket = secured
      ? tls.connect({ ...options, ...CIPHER, rejectUnauthorized: false } as tls.ConnectionOptions)
      : net.connect(options);
    const end: OpenEnd = { socket, receive: () => undefined };
    const opened = (): void => {
      end.receive = () => undefined;
      resolve(end);
    };
    socket.once('error', reject);
    if (connectId === undefined) {
      socket.once(secured ? 'secureConnect' : 'connect', opened);
    } else {
      // The first byte is ESTABLISHED, and nobody sends before all are.
      end.receive = opened;
      const hello = Buffer.alloc(5, 9);
      hello.writeInt32BE(Number(connectId), 1);
      socket.write(hello);
    }
  });
}
