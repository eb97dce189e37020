import { createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { TcpTransport } from '../../src/net/tcp-transport.ts';
import { readByStream, type BufferSizes, type OnChunk, type Transport } from '../../src/net/transport.ts';
import { turn } from '../support/server-connection.ts';
import { endOf, openSocket, pattern, within } from '../support/server-sockets.ts';

const SMALLEST = 16 * 1024;
const LARGEST = 512 * 1024;
const BUFFER = { sizes: [SMALLEST, 128 * 1024, LARGEST] };

const READERS = {
  readByStream,
  readIntoReusedBuffer: (transport: TcpTransport, onChunk: OnChunk) => transport.readIntoReusedBuffer(onChunk, BUFFER),
} as const;

/** An accepted connection, paused with nobody listening, as the relay gets it; and its client. */
async function accepted(): Promise<{ transport: TcpTransport; peer: Socket }> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const connection = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const peer = await openSocket((server.address() as AddressInfo).port);
  return { transport: new TcpTransport(await connection), peer };
}

describe.each(['readByStream', 'readIntoReusedBuffer'] as const)('%s', (name) => {
  async function reading(onChunk: OnChunk) {
    const { transport, peer } = await accepted();
    const reader: Transport | undefined = READERS[name](transport, onChunk);
    if (!reader) throw new Error('this Node has no such handle: the relay falls back to streams');
    onTestFinished(() => void reader.stream.destroy());
    return { peer, reader };
  }

  it('gives everything in order, then the end, and can write', async () => {
    const chunks: Buffer[] = [];
    const bytes = pattern(3_000_000);
    const { peer, reader } = await reading((chunk) => chunks.push(Buffer.from(chunk)) > 0);
    const ended = new Promise<void>((resolve) => reader.onEnd(resolve));
    reader.stream.resume();
    peer.end(bytes);
    await within(ended, 'the end');
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
    reader.stream.end('answer');
    expect(await endOf(peer)).toBe('FIN');
    expect(peer.bytesRead).toBe(6);
  });

  it('calls back no more after false, until it is resumed', async () => {
    let got = 0;
    let calls = 0;
    let called = (): void => undefined;
    const { peer, reader } = await reading((chunk) => {
      got += chunk.length;
      calls += 1;
      setImmediate(() => setImmediate(called));
      return false;
    });
    const bytes = pattern(200_000);
    peer.end(bytes);
    while (got < bytes.length) {
      const before = calls;
      const call = new Promise<void>((resolve) => (called = resolve));
      reader.stream.resume();
      await within(call, 'a chunk');
      expect(calls).toBe(before + 1);
    }
    expect(got).toBe(bytes.length);
  });
});

/** A connection that reads into a reused buffer: what comes, and how large the buffer is at the end of it. */
async function growing(buffer: BufferSizes = BUFFER) {
  const { transport, peer } = await accepted();
  let size = 0;
  let left = 0;
  let arrived = (): void => undefined;
  const reader = transport.readIntoReusedBuffer((chunk) => {
    size = chunk.buffer.byteLength;
    left -= chunk.length;
    if (left === 0) arrived();
    return true;
  }, buffer)!;
  reader.stream.resume();
  const send = async (bytes: number): Promise<void> => {
    const arrival = new Promise<void>((resolve) => (arrived = resolve));
    left = bytes;
    // What comes while the reader is paused is there at once afterwards.
    reader.stream.pause();
    peer.write(pattern(bytes));
    await turn();
    reader.stream.resume();
    await within(arrival, `${bytes} bytes`);
  };
  return {
    send,
    /** Sends so much that the buffer grows as far as it may. */
    grow: async (tries = 32): Promise<void> => {
      for (let i = 0; i < tries; i++) if (size < LARGEST) await send(LARGEST);
    },
    size: () => size,
    destroy: async (): Promise<void> => {
      const closed = new Promise((resolve) => reader.stream.once('close', resolve));
      if (reader.stream.closed) return;
      reader.stream.destroy();
      await closed;
    },
  };
}

describe('readIntoReusedBuffer', () => {
  it('reads small chunks into the same memory, and grows it for large ones up to 512 KiB', async () => {
    const { transport, peer } = await accepted();
    const memories = new Set<ArrayBufferLike>();
    let got = 0;
    let largest = 0;
    let arrived = (): void => undefined;
    const reader = transport.readIntoReusedBuffer((chunk) => {
      memories.add(chunk.buffer);
      got += chunk.length;
      largest = Math.max(largest, chunk.buffer.byteLength);
      arrived();
      return true;
    }, BUFFER)!;
    onTestFinished(() => void reader.stream.destroy());
    reader.stream.resume();
    for (let i = 0; i < 50; i++) {
      const arrival = new Promise<void>((resolve) => (arrived = resolve));
      peer.write('small');
      await within(arrival, 'a small chunk');
    }
    expect([memories.size, got, largest]).toEqual([1, 250, 16 * 1024]);
    const bytes = pattern(16 * 1024 * 1024);
    const all = new Promise<void>((resolve) => {
      arrived = () => void (got >= bytes.length + 250 && resolve());
    });
    peer.write(bytes);
    await within(all, 'all large chunks');
    expect(largest).toBeGreaterThan(16 * 1024);
    expect(largest).toBeLessThanOrEqual(LARGEST);
    expect(memories.size).toBeLessThanOrEqual(3);
  });

  it('shrinks the memory after 1,000 reads in a row that the next smaller one would hold', async () => {
    const { send, grow, size, destroy } = await growing();
    onTestFinished(destroy);
    const smallReads = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) await send(5);
    };
    await grow();
    await smallReads(700);
    expect(size()).toBe(LARGEST);
    await smallReads(350);
    expect(size()).toBe(LARGEST / 4);
    await smallReads(700);
    await send(4 * SMALLEST);
    await smallReads(700);
    expect(size()).toBe(LARGEST / 4);
    await smallReads(350);
    expect(size()).toBe(SMALLEST);
  });

  it('has at most what is allowed at the time', async () => {
    let allowed = LARGEST - 1;
    const { send, grow, size, destroy } = await growing({ ...BUFFER, largest: () => allowed });
    onTestFinished(destroy);
    await grow();
    expect(size()).toBe(LARGEST / 4);
    allowed = LARGEST;
    await grow();
    expect(size()).toBe(LARGEST);
    allowed = LARGEST - 1;
    await send(5);
    await send(5);
    expect(size()).toBe(LARGEST / 4);
    allowed = 0;
    for (let i = 0; i < 3; i++) await send(5);
    expect(size()).toBe(SMALLEST);
  });

  it('takes other sizes', async () => {
    const { transport, peer } = await accepted();
    const sizes = new Set<number>();
    let got = 0;
    const all = new Promise<void>((resolve) => {
      const reader = transport.readIntoReusedBuffer(
        (chunk) => {
          sizes.add(chunk.buffer.byteLength);
          got += chunk.length;
          if (got === 1_000_000) resolve();
          return true;
        },
        { sizes: [1_000, 3_000] },
      )!;
      onTestFinished(() => void reader.stream.destroy());
      reader.stream.resume();
    });
    peer.write(pattern(1_000_000));
    await within(all, 'all chunks');
    expect([...sizes]).toEqual([1_000, 3_000]);
  });

  it('grows the memory of all connections together by 128 MiB at most, and again when one has closed', async () => {
    const most = Math.floor((128 * 1024 * 1024) / (LARGEST - SMALLEST));
    const readers = [];
    for (let i = 0; i < most; i++) {
      const reader = await growing();
      onTestFinished(reader.destroy);
      await reader.grow();
      readers.push(reader);
    }
    expect(new Set(readers.map(({ size }) => size()))).toEqual(new Set([LARGEST]));
    const late = await growing();
    onTestFinished(late.destroy);
    await late.grow(3);
    expect(late.size()).toBeLessThan(LARGEST);
    await readers[0]!.destroy();
    await late.grow();
    expect(late.size()).toBe(LARGEST);
  });

  it('leaves a connection alone that has no handle any more', async () => {
    const { transport } = await accepted();
    transport.stream.destroy();
    expect(transport.readIntoReusedBuffer(() => true, BUFFER)).toBeUndefined();
  });
});
