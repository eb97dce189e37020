import { describe, expect, it, onTestFinished } from 'vitest';
import { parseAddress } from '../../src/net/address.ts';
import { listen } from '../../src/net/listen.ts';
import { ProxyHeaders } from '../../src/net/proxy-headers.ts';
import type { Transport } from '../../src/net/transport.ts';
import { withResolvers } from '../../src/util/deferred.ts';
import { endOf, openSocket, pattern, readExactly, within } from '../support/server-sockets.ts';

const HEADER = Buffer.from('PROXY TCP4 192.0.2.7 127.0.0.1 49374 7779\r\n');

/** A connection whose header has been read, from both sides; and what was asked on its way. */
async function relayed(first: Buffer, timeoutMs = 5_000) {
  const accepted = withResolvers<Transport>();
  const failed = withResolvers<string>();
  const onFailed = (_source: string, _why: string, failure: string): void => failed.resolve(failure);
  const headers = new ProxyHeaders({ mayRelay: () => true, timeoutMs, onFailed });
  const listener = await listen(parseAddress('127.0.0.1:0?proxy=v1'), () => accepted.resolve, { headers });
  const client = await openSocket(listener.address.port);
  client.write(first);
  const transport = await within(accepted.promise, 'the header');
  expect([headers.waiting, transport.stream.listenerCount('readable')]).toEqual([0, 0]);
  onTestFinished(async () => {
    transport.stream.destroy();
    await listener.close();
  });
  return { client, transport, port: listener.address.port, failed: failed.promise };
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
    const reused = transport.readIntoReusedBuffer!(
      (chunk) => {
        got.resolve(String(chunk));
        return true;
      },
      { sizes: [16 * 1024] },
    );
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

  it('[P20] is not ended by the time in which the header had to come', async () => {
    const { client, transport, port, failed } = await relayed(HEADER, 1_000);
    await openSocket(port);
    // The one that came later has been given up: the time of the first would be over.
    expect(await within(failed, 'the end of the second')).toBe('late');
    client.write('still here');
    expect(String(await readExactly(transport.stream, 10))).toBe('still here');
  });
});
