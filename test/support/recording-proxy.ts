/** Stands between clients and a server, and keeps all that goes through, in both directions. */
import { once } from 'node:events';
import net from 'node:net';

export interface RecordingProxy {
  readonly at: string;
  /** All that has gone through until now. */
  seen(): Buffer;
}

export async function startRecordingProxy(port: number): Promise<RecordingProxy> {
  const seen: Buffer[] = [];
  const server = net.createServer({ allowHalfOpen: true }, (client) => {
    const upstream = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.on('error', () => undefined).on('data', (chunk: Buffer) => seen.push(chunk));
      from.pipe(to);
      // An abort is handed on.
      from.on('close', () => to.resetAndDestroy());
    }
  });
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  return { at: `127.0.0.1:${(server.address() as net.AddressInfo).port}`, seen: () => Buffer.concat(seen) };
}
