import type { Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseAddress } from '../../src/net/address.ts';
import { listen } from '../../src/net/listen.ts';
import { ProxyHeaders } from '../../src/net/proxy-headers.ts';
import type { Transport } from '../../src/net/transport.ts';
import { withResolvers } from '../../src/util/deferred.ts';
import { endOf, openSocket, pattern, readExactly, within } from '../support/server-sockets.ts';

const HEADER = Buffer.from('PROXY TCP4 192.0.2.7 127.0.0.1 49374 7779\r\n');

/** A connection whose header has been read, from both sides; and what was asked on its way. */
async function relayed(first: Buffer): Promise<{ client: Socket; transport: Transport }> {
  const accepted = withResolvers<Transport>();
  const headers = new ProxyHeaders({ mayRelay: () => true, timeoutMs: 5_000, onFailed: () => undefined });
  const listener = await listen(parseAddress('127.0.0.1:0?proxy=v1'), () => accepted.resolve, { headers });
  const client = await openSocket(listener.address.port);
  client.write(first);
  const transport = await within(accepted.promise, 'the header');
  expect(headers.waiting).toBe(0);
  onTestFinished(async () => {
    transport.stream.destroy();
    await listener.close();
  });
  return { client, transport };
}

describe('a connection behind its PROXY header', () => {
  it("[P20] has its client's address, and every byte, those that came with the header too", async () => {
    const bytes = pattern(300_000);
    const { client, transport } = await relayed(Buffer.concat([HEADER, bytes.subarray(0, 100_000)]));
    expect(transport.remoteAddress).toBe('192.0.2.7');
    client.write(bytes.subarray(100_000));
    expect((await readExactly(transport.stream, bytes.length)).equals(bytes)).toBe(true);
  });

  it('[P20] reads into a reused buffer as any other, and keeps the address', async () => {
    const { client, transport } = await relayed(HEADER);
    const got = withResolvers<string>();
    const reused = transport.readIntoReusedBuffer!((chunk) => {
      got.resolve(String(chunk));
      return true;
    });
    expect(reused?.remoteAddress).toBe('192.0.2.7');
    onTestFinished(() => void reused!.stream.destroy());
    reused!.stream.resume();
    client.write('fast');
    expect(await within(got.promise, 'the bytes')).toBe('fast');
    reused!.reset();
    expect(await endOf(client)).toBe('RST');
  });

  it.each(['FIN', 'RST'] as const)('[P14] [P20] ends as any other: %s', async (how) => {
    const { client, transport } = await relayed(HEADER);
    const ended = withResolvers<string>();
    transport.onEnd(() => ended.resolve('FIN'));
    transport.stream.once('close', () => ended.resolve('RST'));
    transport.stream.resume();
    if (how === 'FIN') client.end();
    else client.resetAndDestroy();
    expect(await within(ended.promise, 'the end')).toBe(how);
  });
});
