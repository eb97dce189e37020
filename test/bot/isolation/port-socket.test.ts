import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PortSocket } from '../../../src/bot/isolation/port-socket.ts';

function pair(): [PortSocket, PortSocket] {
  const { port1, port2 } = new MessageChannel();
  const sockets: [PortSocket, PortSocket] = [new PortSocket(port1), new PortSocket(port2)];
  onTestFinished(() => {
    for (const socket of sockets) socket.on('error', () => undefined).destroy();
  });
  return sockets;
}

/** Reads to the end; unlike iteration, leaves the other direction open. */
async function readAll(socket: PortSocket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'end');
  return Buffer.concat(chunks);
}

describe('a socket between threads', () => {
  it('carries bytes both ways, in order, and each direction has its own end', async () => {
    const [a, b] = pair();
    const sent = Buffer.alloc(3_000_000, Buffer.from(Array.from({ length: 251 }, (_, index) => (index * 7) % 251)));
    const [there, back] = [readAll(b), readAll(a)];
    a.write(sent.subarray(0, 10));
    a.end(sent.subarray(10));
    expect((await there).equals(sent)).toBe(true);
    b.write('still ');
    b.end('open');
    expect(String(await back)).toBe('still open');
    await Promise.all([a, b].map(async (socket) => socket.closed || (await once(socket, 'close'))));
    expect([a.errored, b.errored, a.over, b.over]).toEqual([null, null, true, true]);
  });

  it('leaves what was written as it is: the other side gets a copy', async () => {
    const [a, b] = pair();
    const sent = Buffer.alloc(100_000, 1);
    a.end(sent);
    await readAll(b);
    expect(sent.length).toBe(100_000);
  });

  it('takes no more than a window of bytes that nobody reads, also where they are written in one piece', async () => {
    const [a, b] = pair();
    let done = false;
    a.write(Buffer.alloc(8 * 1024 * 1024), () => (done = true));
    // Whatever goes on its way at once has arrived by then.
    await expect.poll(() => b.readableLength).toBeGreaterThanOrEqual(1024 * 1024);
    expect(b.readableLength).toBeLessThanOrEqual(1024 * 1024);
    expect(done).toBe(false);
    a.end();
    expect((await readAll(b)).length).toBe(8 * 1024 * 1024);
    expect(done).toBe(true);
  });

  it('is an error, never an end, where the other side is destroyed before both have ended', async () => {
    const [a, b] = pair();
    const events: string[] = [];
    for (const event of ['end', 'error'] as const) b.on(event, () => events.push(event));
    b.resume();
    a.end('all that I have');
    a.resume();
    await once(b, 'data');
    a.destroy();
    await once(b, 'close').catch(() => undefined);
    expect(b.errored).toMatchObject({ code: 'ECONNRESET' });
    expect(events.at(-1)).toBe('error');
  });

  it('is an error where the thread at the other side is gone', async () => {
    const { port1, port2 } = new MessageChannel();
    const socket = new PortSocket(port1);
    port2.close();
    await expect(once(socket, 'end')).rejects.toMatchObject({ code: 'ECONNRESET' });
  });
});
