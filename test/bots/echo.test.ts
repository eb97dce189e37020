import { describe, expect, it } from 'vitest';
import { joinAs, openChannel, startBots, startServer, WIDTHS } from '../support/bot-world.ts';
import { readAll } from '../support/rfc-peer.ts';
import { shippedBot } from './serving.ts';

async function world(width: 4 | 8) {
  const server = await startServer(width);
  const { log } = await startBots(server, [{ plugin: await shippedBot('echo') }]);
  return { server, log, alice: await joinAs(server, 'alice') };
}

describe.each(WIDTHS)('the echo bot, LONG of %i bytes', (width) => {
  it('says back to everyone what is said to everyone', async () => {
    const { server, alice } = await world(width);
    const carol = await joinAs(server, 'carol');
    alice.say('héllo 😀');
    for (const peer of [alice, carol]) {
      expect(await peer.next()).toEqual({ op: 3, login: 'alice', msg: 'héllo 😀' });
      expect(await peer.next()).toEqual({ op: 3, login: 'echo', msg: 'alice: héllo 😀' });
    }
  });

  it('says back to one what is said to it alone', async () => {
    const { server, alice } = await world(width);
    const carol = await joinAs(server, 'carol');
    alice.tell('echo', 'psst');
    expect(await alice.next()).toEqual({ op: 4, sender: 'echo', target: 'alice', msg: 'alice: psst' });
    alice.say('end');
    expect(await carol.next()).toEqual({ op: 3, login: 'alice', msg: 'end' });
  });

  it('says back a message of full length, in two', async () => {
    const { alice } = await world(width);
    alice.tell('echo', 'x'.repeat(1024));
    expect((await alice.next(4)).msg).toBe('alice:');
    expect((await alice.next(4)).msg).toBe('x'.repeat(1024));
  });

  it('sends back what comes over a channel, and ends when the peer has ended', async () => {
    const { server, alice } = await world(width);
    const { half } = await openChannel(alice, server, 'echo');
    const sent = Buffer.alloc(3_000_000, 'abcdefg');
    const received = readAll(half);
    half.end(sent);
    expect((await received).equals(sent)).toBe(true);
  });

  it('keeps the channel open while the peer is silent, byte by byte', async () => {
    const { server, alice } = await world(width);
    const { half } = await openChannel(alice, server, 'echo');
    for (const text of ['a', 'b', 'c']) {
      half.write(text);
      await new Promise((resolve) => half.once('readable', resolve));
      expect(String(half.read())).toBe(text);
    }
    half.end();
    expect(await readAll(half)).toHaveLength(0);
  });

  it('goes on after a peer that breaks its channel, or closes it by packet 11', async () => {
    const { server, alice, log } = await world(width);
    const broken = await openChannel(alice, server, 'echo');
    broken.half.resetAndDestroy();
    await log.until(/private connection ended/);
    const { half, connectId } = await openChannel(alice, server, 'echo');
    alice.close(connectId, 'alice', 'echo');
    expect(await readAll(half)).toHaveLength(0);
    alice.tell('echo', 'there?');
    expect((await alice.next(4)).msg).toBe('alice: there?');
  });
});
