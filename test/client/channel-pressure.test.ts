import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { Channel, ChatosClient } from '../../src/client/index.ts';
import { next, openPair, readAll } from './real-server.ts';

const CHUNK = Buffer.alloc(64 * 1024, 'x');
const MIB = 1024 * 1024;
/** More than all kernel buffers on the way can hold: two connections, a few MiB each way. */
const TOTAL = 64 * MIB;
/** What the kernels of both connections may have taken when everything stands still. */
const STUCK_BELOW = 40 * MIB;
/** So many messages there and back, without a byte moving on the channel, are taken for a standstill. */
const QUIET_ROUNDS = 200;

/** Waits until nothing moves on a channel while the session of the same client is as lively as ever. */
async function standstill(client: ChatosClient, channel: Channel): Promise<void> {
  let last = -1;
  for (let quiet = 0; quiet < QUIET_ROUNDS; quiet += 1) {
    if (channel.bytesSent !== last) quiet = 0;
    last = channel.bytesSent;
    const heard = next(client, 'message');
    await client.say('tick');
    await heard;
  }
}

/** Writes `TOTAL` bytes, waiting for `drain` whenever it is told to. */
async function write(channel: Channel): Promise<void> {
  for (let sent = 0; sent < TOTAL; sent += CHUNK.length) {
    if (!channel.write(CHUNK)) await once(channel, 'drain');
  }
  channel.end();
}

describe('Channel, back-pressure', () => {
  it('[P14] tells the writer to wait when the peer does not read, and goes on when it does', async () => {
    const { alice, here, there } = await openPair();
    const before = process.memoryUsage().arrayBuffers;
    const written = write(here);
    await standstill(alice, here);
    expect(here.bytesSent).toBeLessThan(STUCK_BELOW);
    expect(here.writableNeedDrain).toBe(true);
    expect(here.writableLength).toBeLessThanOrEqual(here.writableHighWaterMark + CHUNK.length);
    expect(there.readableLength).toBeLessThanOrEqual(256 * 1024);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * MIB);

    let received = 0;
    for await (const chunk of there) received += chunk.length;
    await written;
    expect(received).toBe(TOTAL);
  });

  it('[P14] keeps one direction going while the other stands still', async () => {
    const { alice, here, there } = await openPair();
    const written = write(here);
    await standstill(alice, here);
    there.end('the other way');
    expect(String(await readAll(here))).toBe('the other way');
    for await (const chunk of there) expect(chunk.length).toBeGreaterThan(0);
    await written;
  });

  it('holds little of what a reader that pauses has not read', async () => {
    const { alice, here, there } = await openPair();
    const written = write(there);
    let received = 0;
    here.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received === chunk.length) here.pause();
    });
    await once(here, 'pause');
    await standstill(alice, there);
    expect(here.bytesReceived).toBeLessThan(MIB);
    expect(here.readableLength).toBe(here.bytesReceived - received);
    here.resume();
    await Promise.all([written, once(here, 'end')]);
    expect(received).toBe(TOTAL);
  });
});
