/** A TCP proxy in front of a server, which can cut the sessions that go through it and leave the channels alone. */
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Address } from '../../src/net/address.ts';

/** The first byte of a connection that is a session: LOGIN. */
const LOGIN = 0;

export interface Proxy {
  readonly address: Address;
  /** Where new connections go from now on. */
  target: Address;
  /** Breaks every session; resolves when the server's side of it is closed. */
  cutSessions(): Promise<void>;
}

export async function startProxy(target: Address): Promise<Proxy> {
  const sessions = new Set<readonly [Socket, Socket]>();
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (down) => {
    const up = connect({ host: proxy.target.host, port: proxy.target.port, allowHalfOpen: true, noDelay: true });
    const pair = [down, up] as const;
    down.once('data', (first: Buffer) => {
      if (first[0] === LOGIN) sessions.add(pair);
    });
    for (const [from, to] of [
      [down, up],
      [up, down],
    ] as const) {
      sockets.add(from);
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        sessions.delete(pair);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = server.address() as AddressInfo;
  const proxy: Proxy = {
    address: { ...target, host: '127.0.0.1', port },
    target,
    async cutSessions() {
      const closing = [...sessions].map(([down, up]) => {
        const closed = new Promise((resolve) => up.once('close', resolve));
        down.destroy();
        up.destroy();
        return closed;
      });
      await Promise.all(closing);
    },
  };
  return proxy;
}
