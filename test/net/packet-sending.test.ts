import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { ChatosError } from '../../src/errors.ts';
import type { Packet } from '../../src/protocol/index.ts';
import { bytesOf, message, pair, turn } from '../support/server-connection.ts';
import { endOf, readExactly, within } from '../support/server-sockets.ts';

describe('sending', () => {
  it('writes what is sent in one turn in one write at its end, in order', async () => {
    const { connection, peer, writes } = await pair();
    connection.send(message('1'));
    connection.sendBytes(bytesOf('2'));
    connection.send(message('3'));
    expect(writes).not.toHaveBeenCalled();
    const expected = Buffer.concat([bytesOf('1'), bytesOf('2'), bytesOf('3')]);
    expect(await readExactly(peer, expected.length)).toEqual(expected);
    expect(writes).toHaveBeenCalledTimes(1);
    connection.send(message('4'));
    await readExactly(peer, bytesOf('4').length);
    expect(writes).toHaveBeenCalledTimes(2);
  });

  it('writes at once on flush, and what comes later in the turn at its end', async () => {
    const { connection, peer, writes } = await pair();
    connection.send(message('1'));
    connection.flush();
    expect(writes).toHaveBeenCalledTimes(1);
    connection.flush();
    connection.send(message('2'));
    const expected = Buffer.concat([bytesOf('1'), bytesOf('2')]);
    expect(await readExactly(peer, expected.length)).toEqual(expected);
    expect(writes).toHaveBeenCalledTimes(2);
  });

  it('[P16] writes to others before what is patient, of which thousands get the like at once', async () => {
    const many = await Promise.all(Array.from({ length: 60 }, () => pair()));
    const other = await pair();
    const written: Socket[] = [];
    for (const { socket, writes } of [...many, other]) {
      writes.mockImplementation((...args: unknown[]): boolean => {
        written.push(socket);
        for (const end = performance.now() + 0.2; performance.now() < end;);
        return (Socket.prototype.write as (...of: unknown[]) => boolean).apply(socket, args);
      });
    }
    for (const { connection } of many) connection.send(message('1'), undefined, true);
    other.connection.send(message('2'));
    many[59]!.connection.send(message('3'), undefined, true);
    // What is said to one at once takes with it what waits for it.
    many[58]!.connection.send(message('4'));
    const both = Buffer.concat([bytesOf('1'), bytesOf('4')]);
    expect(await readExactly(many[58]!.peer, both.length)).toEqual(both);
    expect(await readExactly(other.peer, bytesOf('2').length)).toEqual(bytesOf('2'));
    for (const { peer } of many.slice(0, 58)) await readExactly(peer, bytesOf('1').length);
    await readExactly(many[59]!.peer, both.length);
    expect(written).toHaveLength(61);
    expect(written.indexOf(other.socket)).toBeLessThan(20);
    expect(written.indexOf(many[58]!.socket)).toBeLessThan(20);
  });

  it('does not hold back hundreds of kilobytes until the end of the turn', async () => {
    const { connection, peer, writes } = await pair();
    const bytes = bytesOf('x'.repeat(1024));
    const count = 1000;
    for (let i = 0; i < count; i++) connection.sendBytes(bytes);
    expect(writes.mock.calls.length).toBeGreaterThan(1);
    const expected = Buffer.concat(Array<Buffer>(count).fill(bytes));
    expect((await readExactly(peer, expected.length)).equals(expected)).toBe(true);
  });

  it('throws INVALID_PACKET before anything is queued', async () => {
    const { connection, peer } = await pair();
    expect(() => connection.send(message('x'.repeat(1025)))).toThrow(
      expect.objectContaining({ code: 'INVALID_PACKET' }),
    );
    connection.send(message('fine'));
    expect(await readExactly(peer, bytesOf('fine').length)).toEqual(bytesOf('fine'));
  });

  it.each([4, 8] as const)('[P1] writes and reads a LONG of %i bytes', async (longBytes) => {
    const { connection, peer, packetsToCome } = await pair({ longBytes });
    const login: Packet = { type: 'LOGIN_PRIVATE', connectId: 0x1234_5678n };
    connection.send(login);
    const hex = longBytes === 4 ? '0912345678' : '090000000012345678';
    expect((await readExactly(peer, hex.length / 2)).toString('hex')).toBe(hex);
    peer.write(Buffer.from(hex, 'hex'));
    expect(await packetsToCome(1)).toEqual([login]);
  });

  it('tells when the bytes were taken, and when they never will be', async () => {
    const { connection, peer } = await pair();
    await within(
      new Promise<void>((resolve, reject) =>
        connection.send(message('1'), (error) => (error ? reject(error) : resolve())),
      ),
      'the bytes to be taken',
    );
    const outcomes: (string | undefined)[] = [];
    connection.send(message('2'), (error) => outcomes.push(error?.code));
    connection.destroy();
    connection.send(message('3'), (error) => outcomes.push(error?.code));
    expect(outcomes).toEqual(['CONNECTION_LOST', 'CONNECTION_LOST']);
    expect(connection.open).toBe(false);
    expect(await readExactly(peer, bytesOf('1').length)).toEqual(bytesOf('1'));
    await endOf(peer);
  });

  it.each(['destroyed', 'broken by the peer'])(
    'tells that a write under way never left when the connection is %s',
    async (how) => {
      const { connection, peer, socket } = await pair();
      const outcome = new Promise<ChatosError | undefined>((resolve) => {
        connection.sendBytes(Buffer.alloc(32 * 1024 * 1024), resolve); // more than the socket buffers hold
      });
      connection.flush();
      while (peer.readableLength === 0) await turn();
      if (how === 'destroyed') connection.destroy();
      else peer.resetAndDestroy();
      const error = await within(outcome, 'the verdict');
      expect(error).toMatchObject({ code: 'CONNECTION_LOST' });
      expect(error!.cause).toBe(socket.errored ?? undefined);
    },
  );

  it.each([0, 1])('closes where more than maxQueuedBytes wait, not before: with %i too many', async (tooMany) => {
    const waiting = 16 * 1024 * 1024; // more than the socket buffers hold
    const { connection, socket } = await pair({ maxQueuedBytes: waiting - tooMany });
    socket.write(Buffer.alloc(waiting));
    connection.send(message('one more'));
    connection.flush();
    expect(connection.open).toBe(tooMany === 0);
  });

  it('closes with QUEUE_FULL where the peer does not read', async () => {
    const { connection, closed, closes } = await pair({ maxQueuedBytes: 10_000 });
    const bytes = bytesOf('x'.repeat(1024));
    while (connection.open) {
      for (let i = 0; i < 200; i++) connection.sendBytes(bytes);
      await turn();
    }
    const error = await closed();
    expect(error).toMatchObject({ code: 'QUEUE_FULL', fields: { limit: 10_000 } });
    expect(error!.fields['waiting']).toBeLessThan(1024 * 1024);
    await turn();
    expect(closes()).toBe(1);
  });
});
