import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ResumingStream, type LinkTimes } from '../../../src/cluster/nodes/resuming-stream.ts';
import { hashOf, pattern } from '../../support/server-sockets.ts';

const TIMES: LinkTimes = { heartbeatMs: 20, silentMs: 60_000, maxCutMs: 60_000 };
const MIB = 1024 * 1024;

async function sockets(): Promise<[net.Socket, net.Socket]> {
  const server = net.createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const [other] = (await once(server, 'connection')) as [net.Socket];
  server.close();
  onTestFinished(() => {
    socket.destroy();
    other.destroy();
  });
  return [socket, other];
}

/** Two sides of a stream; where a connection breaks, there is another one at once, unless it is to stay cut. */
async function pair(times = TIMES) {
  const state = { staysCut: false, cuts: 0 };
  let current: readonly net.Socket[] = [];
  const meet = async (): Promise<void> => {
    if (state.staysCut || one.destroyed || other.destroyed) return;
    one.detach();
    other.detach();
    current = await sockets();
    expect(one.attach(current[0]!, other.heard)).toBe(true);
    expect(other.attach(current[1]!, one.heard)).toBe(true);
  };
  const one = new ResumingStream('id', times, () => void meet());
  const other = new ResumingStream('id', times, () => undefined);
  await meet();
  onTestFinished(() => {
    one.destroy();
    other.destroy();
  });
  const cut = (): void => {
    state.cuts += 1;
    for (const socket of current) socket.resetAndDestroy();
  };
  return { one, other, cut, meet, state, sockets: () => current };
}

/** Reads so many bytes. */
async function read(stream: ResumingStream, bytes: number, onChunk: (come: number) => void = () => undefined) {
  const chunks: Buffer[] = [];
  let come = 0;
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    chunks.push(chunk as Buffer);
    come += (chunk as Buffer).length;
    onChunk(come);
    if (come >= bytes) break;
  }
  return hashOf(Buffer.concat(chunks));
}

/** Writes all, in pieces of any size. */
async function write(stream: ResumingStream, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const size = 1 + Math.floor(Math.random() * 100_000);
    const piece = bytes.subarray(at, at + size);
    at += piece.length;
    await new Promise<void>((resolve, reject) => stream.write(piece, (error) => (error ? reject(error) : resolve())));
  }
}

/** What frames of data have in them. */
function dataIn(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const [isData, count] = [bytes[at] === 1, bytes.readUIntBE(at + 1, 6)];
    at += 7;
    if (!isData) continue;
    text += bytes.toString('latin1', at, at + count);
    at += count;
  }
  return text;
}

describe('a stream that resumes', () => {
  it('brings every byte, once and in order, both ways, however often its connection is cut', async () => {
    const { one, other, cut, state } = await pair();
    const sent = [pattern(20 * MIB, 1), pattern(20 * MIB, 2)] as const;
    let next = 0;
    const cutNowAndThen = (come: number): void => {
      if (come < next) return;
      next += Math.floor(Math.random() * 2 * MIB);
      cut();
    };
    const [atOther, atOne] = await Promise.all([
      read(other, sent[0].length, cutNowAndThen),
      read(one, sent[1].length),
      write(one, sent[0]),
      write(other, sent[1]),
    ]);
    expect(atOther).toEqual(hashOf(sent[0]));
    expect(atOne).toEqual(hashOf(sent[1]));
    expect(state.cuts).toBeGreaterThan(5);
  });

  it('keeps what the other side may not have, up to a bound; what is written beyond waits until it has met it again', async () => {
    const { one, other, cut, meet, state } = await pair();
    state.staysCut = true;
    cut();
    while (!one.isCut) await new Promise(setImmediate);
    const piece = pattern(MIB, 3);
    let taken = 0;
    for (let i = 0; i < 20; i++) one.write(piece, () => (taken += 1));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(one.isCut).toBe(true);
    expect(taken).toBe(8);
    expect(one.keptBytes).toBeLessThanOrEqual(9 * MIB);
    state.staysCut = false;
    await meet();
    expect(await read(other, 20 * MIB)).toEqual(hashOf(Buffer.concat(Array<Buffer>(20).fill(piece))));
    expect(taken).toBe(20);
  });

  it('says what has waited for room behind what it says again', async () => {
    const one = new ResumingStream('id', TIMES, () => undefined);
    onTestFinished(() => void one.destroy());
    const [first, there] = await sockets();
    expect(one.attach(first, 0)).toBe(true);
    there.resume();
    const sent = Buffer.alloc(9 * MIB, '.');
    sent.write('again, ', sent.length - 7);
    let taken = 0;
    one.write(sent, () => (taken += 1));
    one.write('behind', () => (taken += 1));
    await expect.poll(() => there.bytesRead).toBeGreaterThan(sent.length);
    one.detach();
    expect(taken).toBe(0);
    const [second, elsewhere] = await sockets();
    const come: Buffer[] = [];
    elsewhere.on('data', (chunk: Buffer) => come.push(chunk));
    expect(one.attach(second, sent.length - 7)).toBe(true);
    await expect.poll(() => dataIn(Buffer.concat(come))).toBe('again, behind');
    expect(taken).toBe(2);
  });

  it('goes on behind a connection that was cut within the head of a frame', async () => {
    const stream = new ResumingStream('id', TIMES, () => undefined);
    onTestFinished(() => void stream.destroy());
    const frame = Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 3]), Buffer.from('abc')]);
    const [first, other] = await sockets();
    stream.attach(first, 0);
    const come = once(first, 'data');
    other.write(frame.subarray(0, 5));
    await come;
    const [second, another] = await sockets();
    stream.attach(second, 0);
    another.write(frame);
    expect(String((await once(stream, 'data'))[0])).toBe('abc');
  });

  it('forgets what the other side has, though little is said', async () => {
    const { one, other } = await pair();
    one.write('a word');
    expect(one.keptBytes).toBe(6);
    await read(other, 6);
    for (let left = 200; left > 0 && one.keptBytes > 0; left--) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(one.keptBytes).toBe(0);
  });

  it('stops reading where nobody reads, and is not taken for dead then', async () => {
    const { one, other, state } = await pair({ ...TIMES, silentMs: 1_000 });
    state.staysCut = true;
    const sent = pattern(16 * MIB, 4);
    const written = write(one, sent);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect([one.isCut, other.isCut]).toEqual([false, false]);
    expect(other.readableLength).toBeLessThan(MIB);
    const [hash] = await Promise.all([read(other, sent.length), written]);
    expect(hash).toEqual(hashOf(sent));
  });

  it('gives a connection up on which nothing comes, and goes on over another one', async () => {
    const { one, other, sockets: current } = await pair({ ...TIMES, silentMs: 100 });
    const before = current()[0];
    // Who is at the other end of it does not read or write any more.
    other.detach();
    const [silent, far] = await sockets();
    far.pause();
    one.attach(silent, other.heard);
    one.write('still here');
    expect(await read(other, 10)).toEqual(hashOf(Buffer.from('still here')));
    expect(current()[0]).not.toBe(before);
  });

  it('ends where it stays without a connection for too long', async () => {
    const { one, cut, state } = await pair({ ...TIMES, maxCutMs: 100 });
    state.staysCut = true;
    const written = new Promise((resolve) => one.write(Buffer.alloc(9 * MIB), resolve));
    cut();
    await once(one, 'close');
    await written;
    expect(one.errored?.message).toBe('no connection for 0 s');
  });

  it('does nothing any more once it has ended', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const { one, other } = await pair();
    expect(vi.getTimerCount()).toBe(2);
    one.destroy();
    other.destroy(new Error('of no use'));
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does not go on where the other side has not heard what is not kept any more, or has heard what was never said', async () => {
    const { one, other } = await pair();
    one.write('a word');
    await read(other, 6);
    while (one.keptBytes > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const [socket] = await sockets();
    expect(one.attach(socket, 3)).toBe(false);
    expect(one.attach(socket, 7)).toBe(false);
    expect(one.attach(socket, 6)).toBe(true);
  });

  it('[P17] is late for a minute after a cut, and after a silence: what comes may have waited', async () => {
    const { one, other } = await pair({ ...TIMES, heartbeatMs: 10_000 });
    expect(other.isLate).toBe(false);
    const now = performance.now();
    const clock = vi.spyOn(performance, 'now').mockReturnValue(now + 31_000);
    onTestFinished(() => clock.mockRestore());
    one.write('what comes after three heartbeats');
    await vi.waitFor(() => expect(other.isLate).toBe(true));
    clock.mockReturnValue(now + 92_000);
    expect(other.isLate).toBe(false);
    clock.mockRestore();
    const again = await pair({ ...TIMES, heartbeatMs: 10_000 });
    expect(again.one.isLate).toBe(false);
    again.cut();
    await vi.waitFor(() => expect([again.one.isLate, again.other.isLate]).toEqual([true, true]));
  });

  it.each(['end', 'close'] as const)(
    'is cut at once where its new connection has had its %s in the handshake, which is not said again',
    async (event) => {
      let cuts = 0;
      const stream = new ResumingStream('id', TIMES, () => (cuts += 1));
      onTestFinished(() => void stream.destroy());
      const [socket, other] = await sockets();
      const over = once(socket.on('error', () => undefined).resume(), event);
      if (event === 'end') other.end();
      else socket.destroy();
      await over;
      expect(stream.attach(socket, 0)).toBe(true);
      await vi.waitFor(() => expect([stream.isCut, cuts]).toEqual([true, 1]));
      expect(socket.destroyed).toBe(true);
    },
  );

  it('does not read on where nobody reads, over a connection that has just been through its handshake', async () => {
    const { one, other, state } = await pair();
    const sent = pattern(8 * MIB, 5);
    const written = write(one, sent);
    await vi.waitFor(() => expect(other.readableLength).toBeGreaterThan(0));
    state.staysCut = true;
    one.detach();
    other.detach();
    const [near, far] = await sockets();
    // As the messages of a handshake are read: who listened for them leaves in the same turn.
    const look = (): void => undefined;
    far.on('readable', look);
    await new Promise(setImmediate);
    far.off('readable', look);
    expect([one.attach(near, other.heard), other.attach(far, one.heard)]).toEqual([true, true]);
    // All that the system takes has come by the time that no more of it leaves.
    let before = -1;
    while (before !== near.bytesWritten) {
      before = near.bytesWritten;
      for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
    }
    expect(other.readableLength).toBeLessThan(MIB);
    expect(await read(other, sent.length)).toEqual(hashOf(sent));
    await written;
  });
});
