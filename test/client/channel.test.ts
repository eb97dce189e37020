import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Channel } from '../../src/client/index.ts';
import { WIDTHS, closing, next, openChannel, openPair, readAll, sha256 } from './real-server.ts';

const MIB = 1024 * 1024;

/** Writes bytes in pieces of all sizes, as fast as they are taken, then ends; gives their hash. */
async function sendRandom(channel: Channel, total: number): Promise<string> {
  const hash = sha256();
  const source = randomBytes(MIB);
  function* pieces(): Generator<Buffer> {
    for (let sent = 0, size = 1; sent < total; size = ((size * 7) % 200_003) + 1) {
      const at = sent % (MIB - 200_003);
      const piece = source.subarray(at, at + Math.min(size, total - sent));
      sent += piece.length;
      hash.update(piece);
      yield piece;
    }
  }
  for (const piece of pieces()) if (!channel.write(piece)) await once(channel, 'drain');
  channel.end();
  return hash.digest('hex');
}

async function receive(channel: Channel): Promise<string> {
  const hash = sha256();
  for await (const chunk of channel) hash.update(chunk);
  return hash.digest('hex');
}

describe.each(WIDTHS)('Channel, LONG of %i bytes', (longBytes) => {
  it('[P14] carries some MB each way at once, byte for byte, and counts them', async () => {
    const { here, there } = await openPair(longBytes);
    const gone = Promise.all([closing(here), closing(there)]);
    const [sentHere, sentThere, gotHere, gotThere] = await Promise.all([
      sendRandom(here, 6 * MIB + 1),
      sendRandom(there, 5 * MIB + 3),
      receive(here),
      receive(there),
    ]);
    expect(gotThere).toBe(sentHere);
    expect(gotHere).toBe(sentThere);
    expect(await gone).toEqual([undefined, undefined]);
    expect(here).toMatchObject({ bytesSent: 6 * MIB + 1, bytesReceived: 5 * MIB + 3, closedByPeer: false });
    expect(there).toMatchObject({ bytesSent: 5 * MIB + 3, bytesReceived: 6 * MIB + 1, closedByPeer: false });
  });

  it('[P14] is ended one direction at a time, by the one who asked first', async () => {
    const { here, there, alice } = await openPair(longBytes);
    here.end('question');
    expect(String(await readAll(there))).toBe('question');
    expect(there.inputEnded).toBe(true);
    expect(here.inputEnded).toBe(false);
    there.write('ans');
    await once(here, 'readable');
    there.end('wer');
    expect(String(await readAll(here))).toBe('answer');
    await alice.channelsClosed();
    expect(alice.channelCount).toBe(0);
  });

  it('[P14] is ended one direction at a time, by the one who was asked first', async () => {
    const { here, there, bob } = await openPair(longBytes);
    there.end('question');
    expect(String(await readAll(here))).toBe('question');
    here.end('answer');
    expect(String(await readAll(there))).toBe('answer');
    await bob.channelsClosed();
  });

  it('[P13] hands over what the peer wrote at once, before it was looked at', async () => {
    const { alice, bob } = await openPair(longBytes);
    const accepted = next(bob, 'request').then(async ([request]) => {
      const channel = await request.accept();
      channel.end('at once');
      return channel;
    });
    const [here, there] = await Promise.all([alice.request('bob'), accepted]);
    await new Promise((resolve) => there.once('finish', resolve));
    expect(String(await readAll(here))).toBe('at once');
  });
});

describe('Channel', () => {
  it('stays open for writing when `for await` has read to the end', async () => {
    const { here, there } = await openPair();
    there.end('over');
    for await (const chunk of here) expect(String(chunk)).toBe('over');
    expect(here).toMatchObject({ readableEnded: true, writable: true, destroyed: false });
    here.end('and out');
    expect(String(await readAll(there))).toBe('and out');
  });

  it('stays open when `for await` is left midway, and can be read on', async () => {
    const { here, there } = await openPair();
    there.write('one');
    for await (const chunk of here) {
      expect(String(chunk)).toBe('one');
      break;
    }
    expect(here.destroyed).toBe(false);
    there.end('two');
    expect(String(await readAll(here))).toBe('two');
    here.end();
    await closing(here);
  });

  it('works in a pipeline: an echo', async () => {
    const { here, there } = await openPair();
    const echoed = pipeline(there, there);
    const sent = pipeline(Readable.from([Buffer.from('hello '), Buffer.from('world')]), here);
    expect(String(await readAll(here))).toBe('hello world');
    await Promise.all([echoed, sent]);
  });

  it('ends without a byte', async () => {
    const { here, there, alice } = await openPair();
    here.end();
    there.end();
    expect(await Promise.all([readAll(here), readAll(there)])).toEqual([Buffer.alloc(0), Buffer.alloc(0)]);
    await alice.channelsClosed();
  });

  it('is one of several that do not mix', async () => {
    const { alice, bob, here, there } = await openPair();
    const [other, otherThere] = await openChannel(bob, alice);
    here.end('first');
    other.end('second');
    expect(String(await readAll(there))).toBe('first');
    expect(String(await readAll(otherThere))).toBe('second');
    expect(alice.channelCount).toBe(2);
  });

  it('[P14] goes on when both sessions have ended', async () => {
    const { alice, bob, here, there, server } = await openPair();
    await Promise.all([alice.close(), bob.close()]);
    expect(server.stats).toMatchObject({ clients: 0, channels: 1 });
    here.end('still here');
    expect(String(await readAll(there))).toBe('still here');
    there.end('me too');
    expect(String(await readAll(here))).toBe('me too');
    await alice.channelsClosed();
  });
});
