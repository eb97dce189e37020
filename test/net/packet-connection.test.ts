import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { incompletePackets, type PacketConnection } from '../../src/net/packet-connection.ts';
import type { Transport } from '../../src/net/transport.ts';
import { packet, str } from '../support/rfc-peer.ts';
import { bytesOf, message, pair, turn } from '../support/server-connection.ts';
import { endOf, pattern, readExactly, within } from '../support/server-sockets.ts';

describe('receiving', () => {
  it('hands over each packet with its bytes, however the stream is cut', async () => {
    const frames: string[] = [];
    const { peer, packetsToCome } = await pair({}, (_, frame) => frames.push(frame.toString('hex')));
    const stream = Buffer.concat([bytesOf('1'), bytesOf('22'), bytesOf('é')]);
    for (const byte of stream) await new Promise((resolve) => peer.write(Buffer.from([byte]), resolve));
    expect(await packetsToCome(3)).toEqual([message('1'), message('22'), message('é')]);
    expect(frames.join('')).toBe(stream.toString('hex'));
  });

  it('hands over nothing more once it is destroyed from within a packet', async () => {
    const rig: { connection?: PacketConnection } = {};
    const got = await pair({}, () => rig.connection?.destroy());
    rig.connection = got.connection;
    got.peer.write(Buffer.concat([bytesOf('1'), bytesOf('2')]));
    expect(await got.closed()).toBeUndefined();
    await turn();
    expect(got.packets).toEqual([message('1')]);
  });

  it.each([
    ['a malformed packet', Buffer.from([99])],
    ['a packet that is cut', bytesOf('cut').subarray(0, 7)],
  ])('[P4] closes with MALFORMED_PACKET on %s', async (_, bytes) => {
    const { peer, closed } = await pair();
    peer.end(bytes);
    expect(await closed()).toMatchObject({ code: 'MALFORMED_PACKET' });
  });

  it('[P4] closes with MALFORMED_PACKET where a packet stays incomplete', async () => {
    const { peer, closed } = await pair({ incomplete: incompletePackets(30) });
    peer.write(bytesOf('cut').subarray(0, 7));
    expect(await closed()).toMatchObject({ code: 'MALFORMED_PACKET' });
    await endOf(peer);
  });

  it('gives the transport away behind the packet it is at, with the bytes that follow', async () => {
    const given: { transport: Transport; rest: Buffer }[] = [];
    const holder: { connection?: PacketConnection } = {};
    const got = await pair({}, () => given.push(holder.connection!.detach()));
    holder.connection = got.connection;
    got.peer.write(Buffer.concat([packet(9, Buffer.from('00000001', 'hex')), Buffer.from([99]), str('raw')]));
    await got.packetsToCome(1);
    expect(given[0]!.rest.toString('hex')).toBe('6300000003726177');
    expect(given[0]!.transport.stream).toBe(got.socket);
    got.connection.destroy();
    got.peer.write('more');
    expect((await readExactly(got.socket, 4)).toString()).toBe('more');
    got.socket.destroy();
    await endOf(got.peer);
    expect(got.closes()).toBe(0);
    expect(got.connection.open).toBe(false);
  });
});

describe('ending', () => {
  it('closes without an error where both sides end, whichever began', async () => {
    const first = await pair();
    first.connection.send(message('last'));
    first.connection.end();
    expect(await readExactly(first.peer, bytesOf('last').length)).toEqual(bytesOf('last'));
    expect(await endOf(first.peer)).toBe('FIN');
    first.peer.end();
    expect(await first.closed()).toBeUndefined();
    const second = await pair();
    second.peer.end(bytesOf('1'));
    expect(await endOf(second.peer)).toBe('FIN');
    expect(await second.closed()).toBeUndefined();
    expect(second.packets).toHaveLength(1);
  });

  it('closes with CONNECTION_LOST on RST right behind the last bytes, which looks like an end', async () => {
    const { peer, closed, ends, packets } = await pair();
    peer.write(bytesOf('1'), () => peer.resetAndDestroy());
    expect(await closed()).toMatchObject({ code: 'CONNECTION_LOST' });
    expect([packets.length, ends()]).toEqual([1, 0]);
  });

  it('closes with CONNECTION_LOST on RST, once', async () => {
    const { peer, closed, closes } = await pair();
    peer.resetAndDestroy();
    expect(await closed()).toMatchObject({ code: 'CONNECTION_LOST', fields: { errno: 'ECONNRESET' } });
    await turn();
    expect(closes()).toBe(1);
  });

  it('destroys a peer that does not end its side within 5 s of our FIN', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { connection, peer, closed, closes } = await pair();
    connection.end();
    expect(await endOf(peer)).toBe('FIN');
    vi.advanceTimersByTime(4999);
    await turn();
    expect(closes()).toBe(0);
    vi.advanceTimersByTime(1);
    await closed();
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([
    ['both sides have ended', { end: true }],
    ['the peer breaks it in the middle of a packet', {}],
    ['its end finds too much that waits', { maxQueuedBytes: 1, end: true }],
  ])(
    'leaves no timer behind where %s',
    async (_, { end, maxQueuedBytes = 1024 }: { end?: boolean; maxQueuedBytes?: number }) => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      onTestFinished(() => void vi.useRealTimers());
      const { connection, socket, peer, closed } = await pair({ maxQueuedBytes });
      if (maxQueuedBytes === 1) socket.write(pattern(16 * 1024 * 1024)); // more than the socket buffers hold
      connection.send(message('last'));
      if (end) {
        connection.end();
        peer.resume().end();
      } else {
        peer.write(bytesOf('cut').subarray(0, 7));
        while (socket.bytesRead === 0) await turn();
        peer.resetAndDestroy();
      }
      await closed();
      expect(vi.getTimerCount()).toBe(0);
    },
  );

  it('drops what is sent after its end, and what was sent before it still arrives', async () => {
    const { connection, peer, closed } = await pair({ maxQueuedBytes: 64 * 1024 * 1024 });
    const bytes = bytesOf('x'.repeat(1024));
    const count = 16_000; // more than the socket buffers hold
    for (let i = 0; i < count; i++) connection.sendBytes(bytes);
    connection.end();
    const late = new Promise((resolve) => connection.send(message('late'), resolve));
    await turn();
    let size = 0;
    peer.on('data', (chunk: Buffer) => (size += chunk.length));
    expect(await endOf(peer)).toBe('FIN');
    expect(size).toBe(count * bytes.length);
    expect(await within(late, 'the verdict')).toMatchObject({ code: 'CONNECTION_LOST' });
    peer.end();
    expect(await closed()).toBeUndefined();
  });
});
