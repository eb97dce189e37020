/** Stands between a client and a server, and does as it likes with what a private connection brings to the client. */
import { once } from 'node:events';
import net, { type Socket } from 'node:net';

/** The opcode of LOGIN_PRIVATE, the first packet of a half. */
const LOGIN_PRIVATE = 9;

export interface TamperingProxy {
  readonly at: string;
  /** All bytes that private connections have brought to the client, as they came from the server. */
  readonly seen: Buffer[];
  close(): void;
}

/**
 * @param how `cut`: ends both sides by FIN; `bend`: changes a bit; `none`: only looks on
 * @param afterBytes so many bytes of a private connection are passed on before that
 */
export async function startTamperingProxy(
  port: number,
  how: 'cut' | 'bend' | 'none',
  afterBytes = 0,
): Promise<TamperingProxy> {
  const seen: Buffer[] = [];
  const open = new Set<Socket>();
  const tamper = (client: Socket, upstream: Socket, handOnNoAborts: () => void): void => {
    let left = afterBytes;
    let isDone = how === 'none';
    upstream.on('data', (chunk: Buffer) => {
      seen.push(chunk);
      const isDue = !isDone && left < chunk.length;
      if (!isDue) {
        left -= chunk.length;
        if (!client.writableEnded) client.write(chunk);
        return;
      }
      isDone = true;
      if (how === 'bend') {
        const bent = Buffer.from(chunk);
        bent[left]! ^= 1;
        client.write(bent);
      } else {
        // To each side the other one has ended, whatever it makes of that: a reset could overtake the end.
        handOnNoAborts();
        client.end(chunk.subarray(0, left));
        upstream.end();
        left = Infinity;
      }
    });
    client.on('data', (chunk: Buffer) => {
      if (!upstream.writableEnded) upstream.write(chunk);
    });
    client.on('end', () => upstream.end());
    upstream.on('end', () => client.end());
  };
  const server = net.createServer({ allowHalfOpen: true }, (client) => {
    const upstream = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('error', () => undefined).on('close', () => open.delete(socket));
    }
    // An abort is handed on.
    let handsOnAborts = true;
    client.on('close', () => handsOnAborts && upstream.resetAndDestroy());
    upstream.on('close', () => handsOnAborts && client.resetAndDestroy());
    client.once('data', (first: Buffer) => {
      if (first[0] === LOGIN_PRIVATE) tamper(client, upstream, () => (handsOnAborts = false));
      else client.pipe(upstream).pipe(client);
      client.emit('data', first);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = (): void => {
    server.close();
    for (const socket of open) socket.destroy();
  };
  return { at: `127.0.0.1:${(server.address() as net.AddressInfo).port}`, seen, close };
}
