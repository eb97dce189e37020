import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { Channel } from '../../src/client/index.ts';
import { RfcPeer, openHalf } from '../support/rfc-peer.ts';
import { WIDTHS, closing, connect, ending, failure, next, openPair, readAll, startServer } from './real-server.ts';

/** `here` breaks, in the state that a test has brought it to: what `there` sees. */
async function breaks(here: Channel, there: Channel): Promise<string> {
  const seen = ending(there);
  here.destroy();
  return seen;
}

/** Writes on and on, each time that the last write has left. */
function writeUntilClosed(channel: Channel): void {
  channel.write('and on', () => setImmediate(() => channel.destroyed || writeUntilClosed(channel)));
}

describe.each(WIDTHS)('Channel, destroyed before its end, LONG of %i bytes', (longBytes) => {
  it('[P14] is aborted for the peer, not ended', async () => {
    const { here, there } = await openPair(longBytes);
    expect(await breaks(here, there)).toBe('CHANNEL_ABORTED');
    expect(there.readableEnded).toBe(false);
  });

  it('[P14] is aborted where bytes have come already', async () => {
    const { here, there } = await openPair(longBytes);
    here.write('half of');
    await once(there, 'readable');
    expect(await breaks(here, there)).toBe('CHANNEL_ABORTED');
  });

  it('[P14] is aborted where bytes are still waiting to be sent', async () => {
    const { here, there } = await openPair(longBytes);
    here.write(Buffer.alloc(64 * 1024 * 1024));
    expect(await breaks(here, there)).toBe('CHANNEL_ABORTED');
  });

  it('[P14] is aborted where our direction has ended and the peer writes on', async () => {
    const { here, there } = await openPair(longBytes);
    here.end('question');
    expect(String(await readAll(there))).toBe('question');
    const gone = closing(there);
    here.destroy();
    // The server has nothing left to read from our half: it learns of the reset when it writes to it.
    writeUntilClosed(there);
    expect(await gone).toBe('CHANNEL_ABORTED');
  });

  it('[P14] is aborted where our end has only just been asked for', async () => {
    const { here, there } = await openPair(longBytes);
    const gone = closing(there);
    here.end('question');
    here.destroy();
    there.resume();
    writeUntilClosed(there);
    expect(await gone).toBe('CHANNEL_ABORTED');
  });

  it('[P14] is aborted where the peer has ended and waits for our answer', async () => {
    const { here, there } = await openPair(longBytes);
    there.end('question');
    expect(String(await readAll(here))).toBe('question');
    here.write('half of an ans');
    expect(await breaks(here, there)).toBe('CHANNEL_ABORTED');
    expect(there.readableEnded).toBe(false);
  });
});

describe('Channel, destroyed', () => {
  it('[P14] is aborted for a peer of the RFC by a reset', async () => {
    const { address, port } = await startServer();
    const [alice, bob] = [await connect(address, 'alice'), await RfcPeer.connect(port)];
    await bob.login('bob');
    const asking = alice.request('bob');
    await bob.next(5);
    bob.ok('alice');
    const half = await openHalf(port, (await bob.next(8)).connectId);
    const reset = once(half, 'error').catch((error: unknown) => error);
    half.resume();
    (await asking).destroy();
    expect(await reset).toMatchObject([{ code: 'ECONNRESET' }]);
    bob.destroy();
  });

  it('fails with the error that it is given, and the peer with CHANNEL_ABORTED', async () => {
    const { here, there } = await openPair();
    const [seen, cause] = [ending(there), new Error('the disk is full')];
    const [gone] = [once(here, 'error')];
    here.destroy(cause);
    expect(await gone).toEqual([cause]);
    expect(await seen).toBe('CHANNEL_ABORTED');
  });

  it('throws in `for await`, with what broke it', async () => {
    const { here, there } = await openPair();
    const reading = failure(readAll(there));
    here.destroy();
    expect(await reading).toMatchObject({
      name: 'ChatosError',
      code: 'CHANNEL_ABORTED',
      fields: { peer: 'alice', errno: 'ECONNRESET' },
    });
  });

  it('fails a write of the peer that waits', async () => {
    const { here, there } = await openPair();
    there.write(Buffer.alloc(64 * 1024 * 1024));
    const written = new Promise<Error | null | undefined>((resolve) => there.write('last', resolve));
    const gone = closing(there);
    here.destroy();
    expect(await gone).toBe('CHANNEL_ABORTED');
    expect(await written).toBeInstanceOf(Error);
  });

  it('is in order once both directions have ended', async () => {
    const { here, there } = await openPair();
    here.end('a');
    there.end('b');
    const gone = closing(there);
    expect(String(await readAll(here))).toBe('b');
    here.destroy();
    expect(String(await readAll(there))).toBe('a');
    expect(await gone).toBeUndefined();
  });

  it('is broken with its client, by destroy', async () => {
    const { alice, here, there } = await openPair();
    const seen = ending(there);
    await alice.destroy();
    expect(here.destroyed).toBe(true);
    expect(await seen).toBe('CHANNEL_ABORTED');
    await alice.channelsClosed();
  });

  it('is broken by a server that shuts down', async () => {
    const { server, alice, here, there } = await openPair();
    const disconnected = next(alice, 'disconnected');
    const seen = Promise.all([ending(here), ending(there)]);
    await server.close();
    expect(await seen).toEqual(['CHANNEL_ABORTED', 'CHANNEL_ABORTED']);
    await disconnected;
  });
});
