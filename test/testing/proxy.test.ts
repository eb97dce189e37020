import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { toAddress } from '../../src/net/address.ts';
import { TestProxy } from '../../src/testing/proxy.ts';

const TOTAL_BYTES = 64 * 1024 * 1024;

/** Resolves when a number stays as it is. */
async function resting(count: () => number): Promise<number> {
  let before = -1;
  for (let quiet = 0; quiet < 100; quiet += 1) {
    if (count() !== before) [before, quiet] = [count(), 0];
    await turn();
  }
  return before;
}

test('it is spoken to as the server is', async () => {
  const server = { ...toAddress({ port: 1 }), transport: 'tls', longBytes: 4 } as const;
  const proxy = await TestProxy.start(server);
  onTestFinished(() => proxy.close());
  expect(proxy.address).toEqual({ ...server, host: '127.0.0.1', port: expect.any(Number) });
  expect(proxy.address.port).not.toBe(1);
});

test('a link that is stalled while its reader is behind stays so when the reader has caught up', async () => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await TestProxy.start(toAddress({ port: (server.address() as net.AddressInfo).port }));
  const client = net.connect(proxy.address.port, '127.0.0.1');
  onTestFinished(async () => {
    client.destroy();
    await proxy.close();
    server.close();
  });
  // As a half begins.
  client.write(Buffer.of(9));
  const [accepted] = (await once(server, 'connection')) as [Socket];
  accepted.on('error', () => undefined);
  await once(accepted, 'data');
  accepted.write(Buffer.alloc(TOTAL_BYTES));
  await resting(() => accepted.writableLength);
  proxy.setStalled('channels', true);
  let received = 0;
  client.on('data', ({ length }) => (received += length));
  expect(await resting(() => received)).toBeLessThan(TOTAL_BYTES);
  proxy.setStalled('channels', false);
  await expect.poll(() => received).toBe(TOTAL_BYTES);
});
