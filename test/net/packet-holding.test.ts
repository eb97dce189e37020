import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { incompletePackets, type PacketConnection } from '../../src/net/packet-connection.ts';
import { naivePacket } from '../support/naive-packets.ts';
import { bytesOf, pair, turn } from '../support/server-connection.ts';
import { bufferBytes, endOf, Pump, within } from '../support/server-sockets.ts';

const login = naivePacket({ type: 'LOGIN', login: 'alice' }, 4);

/** A connection that holds its input at each LOGIN. */
async function holding(options: Parameters<typeof pair>[0] = {}) {
  const holder: { connection?: PacketConnection } = {};
  let held = (): void => undefined;
  const got = await pair(options, (packet) => {
    if (packet.type !== 'LOGIN') return;
    holder.connection!.hold();
    held();
  });
  holder.connection = got.connection;
  return {
    ...got,
    /** Sends bytes that begin with LOGIN, and waits until the input is held. */
    send: async (bytes: Buffer) => {
      const isHeld = new Promise<void>((resolve) => (held = resolve));
      got.peer.write(bytes);
      await within(isHeld, 'LOGIN');
    },
    texts: () => got.packets.map((packet) => (packet.type === 'MESSAGE' ? packet.msg : packet.type)),
    /** Waits until the connection has read `bytes` in all. */
    read: async (bytes: number) => {
      while (got.socket.bytesRead < bytes) await turn();
      await turn();
    },
  };
}

describe('held input', () => {
  it('is handed over when it was released as often as it was held', async () => {
    const { connection, texts, send, packetsToCome } = await holding();
    await send(Buffer.concat([login, bytesOf('1')]));
    connection.hold();
    connection.release();
    await turn();
    expect(texts()).toEqual(['LOGIN']);
    connection.release();
    await packetsToCome(2);
    expect(texts()).toEqual(['LOGIN', '1']);
    connection.release();
  });

  it('is not read while the connection is paused, but for what is on its way', async () => {
    const { connection, socket, peer, texts, send, packetsToCome } = await holding();
    await send(login);
    connection.release();
    connection.pause();
    const many = Array.from({ length: 100_000 }, (_, i) => bytesOf(String(i)));
    peer.write(Buffer.concat(many));
    for (let i = 0; i < 100; i++) await turn();
    expect(socket.bytesRead).toBeLessThan(192 * 1024);
    expect(texts()).toEqual(['LOGIN']);
    connection.release();
    await packetsToCome(1 + many.length);
    expect(texts().at(-1)).toBe('99999');
  });

  it('waits, what came in the same write too, and is handed over in order', async () => {
    const { connection, peer, texts, send, read, packetsToCome } = await holding();
    const first = Buffer.concat([login, bytesOf('1'), bytesOf('2').subarray(0, 9)]);
    await send(first);
    const rest = Buffer.concat([bytesOf('2').subarray(9), bytesOf('3')]);
    for (const byte of rest) await new Promise((resolve) => peer.write(Buffer.from([byte]), resolve));
    await read(first.length + rest.length);
    expect(texts()).toEqual(['LOGIN']);
    connection.release();
    expect(texts()).toEqual(['LOGIN', '1', '2', '3']);
    peer.write(bytesOf('4'));
    await packetsToCome(5);
    expect(texts().at(-1)).toBe('4');
  });

  it('may be held again by what is handed over', async () => {
    const { connection, texts, send } = await holding();
    await send(Buffer.concat([login, bytesOf('1'), login, bytesOf('2')]));
    connection.release();
    expect(texts()).toEqual(['LOGIN', '1', 'LOGIN']);
    connection.release();
    expect(texts()).toEqual(['LOGIN', '1', 'LOGIN', '2']);
  });

  it('is handed over before the end behind it', async () => {
    const { connection, peer, texts, send, socket, closed, closes } = await holding();
    await send(Buffer.concat([login, bytesOf('1')]));
    peer.end(bytesOf('2'));
    while (!socket.readableEnded) await turn();
    await turn();
    expect([texts(), connection.open, closes()]).toEqual([['LOGIN'], true, 0]);
    connection.release();
    expect(texts()).toEqual(['LOGIN', '1', '2']);
    expect(await endOf(peer)).toBe('FIN');
    expect(await closed()).toBeUndefined();
  });

  it('has one end behind it, however often it is held again', async () => {
    const { connection, peer, send, socket, ends } = await holding();
    await send(login);
    peer.end();
    while (!socket.readableEnded) await turn();
    connection.release();
    const { ending } = connection;
    connection.hold();
    connection.release();
    await within(ending!, 'the end');
    connection.hold();
    connection.release();
    await turn();
    expect(ends()).toBe(1);
  });

  it('is dropped where the peer breaks the connection, which is noticed at once', async () => {
    const { connection, peer, texts, send, closed } = await holding();
    await send(Buffer.concat([login, bytesOf('1')]));
    peer.resetAndDestroy();
    expect(await closed()).toMatchObject({ code: 'CONNECTION_LOST' });
    connection.release();
    expect(texts()).toEqual(['LOGIN']);
  });

  it('slows the peer beyond 64 KiB, with bounded memory, and comes whole afterwards', async () => {
    const { connection, peer, texts, send, socket, packetsToCome } = await holding();
    await send(login);
    const count = 6_000;
    const bytes = Buffer.concat(Array<Buffer>(count).fill(bytesOf('x'.repeat(1024))));
    const before = await bufferBytes();
    const pump = new Pump(peer, bytes);
    let sent = -1;
    for (let still = 0; still < 20; still = pump.sent === sent ? still + 1 : 0) {
      sent = pump.sent;
      await turn();
    }
    expect(socket.bytesRead).toBeLessThan(256 * 1024);
    expect(await bufferBytes(before + 1024 * 1024)).toBeLessThan(before + 1024 * 1024);
    connection.release();
    await packetsToCome(count + 1);
    await within(pump.done, 'everything to be sent');
    expect(texts()).toHaveLength(count + 1);
  });

  it('[P4] is not timed, what is incomplete behind it is', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const { connection, send, closes, closed } = await holding({ incomplete: incompletePackets(100) });
    await send(Buffer.concat([login, bytesOf('cut').subarray(0, 7)]));
    vi.advanceTimersByTime(1000);
    connection.release();
    vi.advanceTimersByTime(99);
    expect(closes()).toBe(0);
    vi.advanceTimersByTime(1);
    expect(await closed()).toMatchObject({ code: 'MALFORMED_PACKET' });
  });

  it('[P4] that is malformed hides the end behind it', async () => {
    const { connection, peer, send, socket, closed, ends } = await holding();
    await send(Buffer.concat([login, Buffer.from([99])]));
    peer.end();
    while (!socket.readableEnded) await turn();
    await turn();
    connection.release();
    expect(await closed()).toMatchObject({ code: 'MALFORMED_PACKET' });
    expect(ends()).toBe(0);
  });

  it('[P4] that is malformed closes the connection when it is handed over', async () => {
    const { connection, peer, send, closes, closed } = await holding();
    await send(Buffer.concat([login, Buffer.from([99])]));
    await turn();
    expect(closes()).toBe(0);
    connection.release();
    expect(await closed()).toMatchObject({ code: 'MALFORMED_PACKET' });
    await endOf(peer);
  });
});
