import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { within } from '../support/fake-server.ts';
import { RfcPeer, openHalf, readAll as readHalf } from '../support/rfc-peer.ts';
import { WIDTHS, closing, connect, ending, next, openPair, readAll, startServer } from './real-server.ts';

describe.each(WIDTHS)('Channel.close, LONG of %i bytes', (longBytes) => {
  it("[P15] ends the peer's channel, which knows that it was closed", async () => {
    const { here, there } = await openPair(longBytes);
    const [gone, seen] = [closing(there), ending(there)];
    await here.close();
    expect(here).toMatchObject({ destroyed: true, closedByPeer: false, errored: null });
    expect(await seen).toBe('end');
    expect(there.closedByPeer).toBe(true);
    expect(await gone).toBeUndefined();
  });

  it('[P15] can be asked for by the one who was asked, too', async () => {
    const { here, there } = await openPair(longBytes);
    const gone = closing(here);
    here.resume();
    await there.close();
    expect(await gone).toBeUndefined();
    expect(here.closedByPeer).toBe(true);
  });

  it('[RFC 4] is understood by a peer of the RFC, and understands it', async () => {
    const { address, port } = await startServer(longBytes);
    const [alice, bob] = [await connect(address, 'alice'), await RfcPeer.connect(port, { longBytes })];
    await bob.login('bob');
    const open = async () => {
      const asking = alice.request('bob');
      await bob.next(5);
      bob.ok('alice');
      const { connectId } = await bob.next(8);
      const half = await openHalf(port, connectId, { longBytes });
      return { channel: await asking, half, connectId };
    };
    const first = await open();
    const over = readHalf(first.half);
    const closed = first.channel.close();
    expect(await bob.next(12)).toEqual({ op: 12, target: 'alice' });
    expect(await over).toHaveLength(0);
    first.half.destroy();
    await closed;

    const second = await open();
    const gone = closing(second.channel);
    second.channel.resume();
    bob.close(second.connectId, 'alice', 'bob');
    expect(await gone).toBeUndefined();
    expect(second.channel.closedByPeer).toBe(true);
    second.half.destroy();
    bob.destroy();
  });
});

describe('Channel.close', () => {
  it('[P15] lets the peer read what had come before', async () => {
    const { here, there } = await openPair();
    here.write('almost all');
    await once(there, 'readable');
    const closed = here.close();
    expect(String(await readAll(there))).toBe('almost all');
    await closed;
    expect(there.closedByPeer).toBe(true);
  });

  it('resolves for everyone who asks, at any time', async () => {
    const { here } = await openPair();
    await Promise.all([here.close(), here.close()]);
    await here.close();
    expect(here.errored).toBeNull();
    const { here: other } = await openPair();
    other.destroy();
    await other.close();
  });

  it('[P15] can be asked for by both at once', async () => {
    const { here, there, alice, bob } = await openPair();
    await Promise.all([here.close(), there.close()]);
    await Promise.all([alice.channelsClosed(), bob.channelsClosed()]);
    expect([here.errored, there.errored]).toEqual([null, null]);
  });

  it('[P15] fails a write of the peer that waits, with CHANNEL_CLOSED', async () => {
    const { here, there } = await openPair();
    there.resume();
    there.write(Buffer.alloc(64 * 1024 * 1024));
    const gone = closing(there);
    await here.close();
    expect(await gone).toBe('CHANNEL_CLOSED');
    expect(there.closedByPeer).toBe(true);
  });

  it('[P15] fails a write that waits where the peer does not read either, with CHANNEL_CLOSED', async () => {
    const { here, there } = await openPair();
    there.end(Buffer.alloc(64 * 1024 * 1024));
    const gone = within(closing(there), 'the end of the channel');
    await here.close();
    expect(await gone).toBe('CHANNEL_CLOSED');
  });

  it('[P15] ends a channel that one side had ended already', async () => {
    const { here, there } = await openPair();
    here.end('the end');
    expect(String(await readAll(there))).toBe('the end');
    const gone = closing(there);
    await here.close();
    expect(await gone).toBeUndefined();
    expect(there.closedByPeer).toBe(true);
  });

  it("[P15] ends a channel whose peer's side had ended already", async () => {
    const { here, there } = await openPair();
    there.end('the end');
    expect(String(await readAll(here))).toBe('the end');
    const gone = closing(there);
    there.resume();
    await within(here.close(), 'closing');
    expect(await gone).toBeUndefined();
    expect(there.closedByPeer).toBe(true);
  });

  it('breaks the channel where there is no session to ask on', async () => {
    const { alice, here, there } = await openPair();
    await alice.close();
    const seen = ending(there);
    await here.close();
    expect(await seen).toBe('CHANNEL_ABORTED');
  });

  it('[P15] is asked for on a later session as well', async () => {
    const { address, alice, here, there } = await openPair();
    expect(alice.connected).toBe(true);
    await alice.close();
    const again = await RfcPeer.connect(Number(/:(\d+)/.exec(address)![1]));
    await again.login('alice');
    const gone = closing(there);
    there.resume();
    again.close(here.connectId, 'alice', 'bob');
    expect(await gone).toBeUndefined();
    expect(there.closedByPeer).toBe(true);
    again.destroy();
  });

  it('leaves the session as it was', async () => {
    const { alice, bob, here, there } = await openPair();
    there.resume();
    await here.close();
    const heard = next(bob, 'message');
    await alice.say('still here');
    expect((await heard)[0].text).toBe('still here');
  });
});
