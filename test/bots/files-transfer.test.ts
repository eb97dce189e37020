import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { readdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { endOf, WIDTHS } from '../support/bot-world.ts';
import { httpGet, readAll } from '../support/rfc-peer.ts';
import { serveFiles } from './serving.ts';

const MIB = 1024 * 1024;
/** The file descriptors of this process, on systems that show them. */
const OPEN_FILES = '/proc/self/fd';

/** A world with a large file, `big.bin`, in which no part is in the place of another unnoticed, and one more. */
async function withBigFile(size: number, width: 4 | 8 = 4) {
  const world = await serveFiles({ 'hello.txt': 'hello' }, width);
  const bytes = Buffer.alloc(size, randomBytes(1_000_003));
  await writeFile(path.join(world.directory, 'big.bin'), bytes);
  const stillServes = async (): Promise<void> => {
    const { http } = await world.open();
    expect((await http.get('/hello.txt')).body.toString()).toBe('hello');
    http.socket.destroy();
  };
  return { ...world, bytes, stillServes };
}

describe.each(WIDTHS)('the files bot, large files, LONG of %i bytes', (width) => {
  it('serves 30 MB intact', async () => {
    const { open, bytes } = await withBigFile(30 * MIB, width);
    const { http } = await open();
    const { status, body } = await httpGet(http.socket, '/big.bin', {}, { timeoutMs: 15_000 });
    expect({ status, size: body.length, intact: body.equals(bytes) }).toEqual({
      status: 200,
      size: bytes.length,
      intact: true,
    });
  });

  it('is told the end by packet 11: the half ends, and the bot goes on', async () => {
    const { open, alice, bytes, stillServes, runtime } = await withBigFile(MIB, width);
    const { http, connectId } = await open();
    expect((await http.get('/big.bin')).body.equals(bytes)).toBe(true);
    alice.close(connectId, 'alice', 'files');
    await expect(http.read()).rejects.toThrow('ended');
    await stillServes();
    await runtime.stop({ timeoutMs: 10_000 });
    expect(runtime.channelCount).toBe(0);
  });
});

describe('the files bot, peers that are slow or leave', () => {
  it('sends no faster than the peer reads', async () => {
    const { open, bytes, channels } = await withBigFile(32 * MIB);
    const { socket } = (await open()).http;
    socket.write('GET /big.bin HTTP/1.1\r\nHost: files\r\nConnection: close\r\n\r\n');
    let [size, intact] = [0, true];
    let head: Buffer | undefined = Buffer.alloc(0);
    let mostUnread = 0;
    for await (const chunk of socket) {
      let part = chunk as Buffer;
      if (head) {
        const all: Buffer = Buffer.concat([head, part]);
        const end = all.indexOf('\r\n\r\n');
        head = end < 0 ? all : undefined;
        part = end < 0 ? Buffer.alloc(0) : all.subarray(end + 4);
      }
      intact &&= part.equals(bytes.subarray(size, size + part.length));
      size += part.length;
      // What was sent and not yet read lies in the buffers of four sockets: they are bounded, the file is not.
      mostUnread = Math.max(mostUnread, channels[0]!.bytesSent - size);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect({ size, intact }).toEqual({ size: bytes.length, intact: true });
    expect(mostUnread).toBeLessThan(24 * MIB);
  });

  it('goes on after a peer that breaks off in the middle of a file', async () => {
    const { open, log, stillServes, runtime } = await withBigFile(20 * MIB);
    const { http } = await open();
    http.ask('/big.bin');
    await new Promise((resolve) => http.socket.once('data', resolve));
    http.socket.resetAndDestroy();
    await log.until(/private connection ended/);
    await stillServes();
    await runtime.stop({ timeoutMs: 10_000 });
    expect(runtime.channelCount).toBe(0);
    expect(log.about(/failed/)).toEqual([]);
  });

  it('goes on after a peer that closes by packet 11 in the middle of a file', async () => {
    const { open, alice, log, stillServes, runtime } = await withBigFile(20 * MIB);
    const { http, connectId } = await open();
    http.ask('/big.bin');
    await new Promise((resolve) => http.socket.once('data', resolve));
    alice.close(connectId, 'alice', 'files');
    await readAll(http.socket).catch(() => undefined);
    http.socket.destroy();
    await stillServes();
    await runtime.stop({ timeoutMs: 10_000 });
    expect(runtime.channelCount).toBe(0);
    expect(log.about(/failed/)).toEqual([]);
  });

  it('serves several peers at once, each on its own channel', async () => {
    const { open, bytes } = await withBigFile(4 * MIB);
    const channels = [await open(), await open(), await open()];
    const bodies = await Promise.all(channels.map(({ http }) => http.get('/big.bin')));
    expect(bodies.every(({ body }) => body.equals(bytes))).toBe(true);
  });

  it.skipIf(!existsSync(OPEN_FILES))('opens few files at once for a peer that sends hundreds of requests', async () => {
    const { open, directory, stillServes } = await withBigFile(MIB);
    await writeFile(path.join(directory, 'medium.bin'), Buffer.alloc(70_000));
    const { socket } = (await open()).http;
    const before = (await readdir(OPEN_FILES)).length;
    let most = 0;
    socket.on('data', () => (most = Math.max(most, readdirSync(OPEN_FILES).length - before)));
    const over = endOf(socket);
    const request = 'GET /medium.bin HTTP/1.1\r\nHost: files\r\n\r\n';
    socket.end(`${request.repeat(200)}GET /hello.txt HTTP/1.1\r\nHost: files\r\nConnection: close\r\n\r\n`);
    await over;
    expect(most).toBeLessThan(100);
    await stillServes();
  });

  it('goes on after garbage in place of a request', async () => {
    const { open, stillServes, runtime } = await withBigFile(MIB);
    for (const garbage of [randomBytes(5_000), Buffer.from('GET / HTTP/9.9\r\n\r\n'), Buffer.alloc(100_000, 'x')]) {
      const { http } = await open();
      const over = new Promise((resolve) => http.socket.once('end', resolve).once('error', resolve));
      http.socket.write(garbage);
      await over;
      http.socket.destroy();
    }
    await stillServes();
    await runtime.stop({ timeoutMs: 10_000 });
    expect(runtime.channelCount).toBe(0);
  });

  it('never passes a part for the whole: a file that shrinks on the way breaks the channel', async () => {
    const { open, directory } = await withBigFile(30 * MIB);
    const { socket } = (await open()).http;
    socket.write('GET /big.bin HTTP/1.1\r\nHost: files\r\n\r\n');
    await new Promise((resolve) => socket.once('readable', resolve));
    await writeFile(path.join(directory, 'big.bin'), 'now it is short');
    // Were the first response taken for complete, this one would follow, and look like the rest of the file.
    socket.write('GET /hello.txt HTTP/1.1\r\nHost: files\r\nConnection: close\r\n\r\n');
    expect(await endOf(socket)).toBe('reset');
  });

  it('goes on with the old file where it is replaced on the way', async () => {
    const { open, directory, bytes } = await withBigFile(20 * MIB);
    const { http } = await open();
    const reading = http.get('/big.bin');
    await new Promise((resolve) => http.socket.once('data', resolve));
    await writeFile(path.join(directory, 'new.bin'), 'new');
    await rename(path.join(directory, 'new.bin'), path.join(directory, 'big.bin'));
    expect((await reading).body.equals(bytes)).toBe(true);
    expect((await http.get('/big.bin')).body.toString()).toBe('new');
  });
});
