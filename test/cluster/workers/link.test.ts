import { once } from 'node:events';
import net from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { Link, type LinkHandlers } from '../../../src/cluster/workers/link.ts';

const IGNORED: LinkHandlers = {
  onPost: () => undefined,
  onTell: () => undefined,
  onNote: () => undefined,
  onRoom: () => undefined,
  onClose: () => undefined,
};

/** A link and the socket at its other end, which is not read yet. */
async function connect(handlers: Partial<LinkHandlers>): Promise<{ link: Link; other: net.Socket }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-link-'));
  const server = net.createServer({ pauseOnConnect: true }).listen(path.join(folder, 'link'));
  const socket = net.connect(path.join(folder, 'link'));
  const [other] = (await once(server, 'connection')) as [net.Socket];
  onTestFinished(() => {
    for (const each of [socket, other]) each.destroy();
    server.close();
    rmSync(folder, { recursive: true });
  });
  return { link: new Link(socket, { ...IGNORED, ...handlers }), other };
}

test('says that there is room where what it was full of goes before the rest is written', async () => {
  let tellRoom = (): void => undefined;
  const room = new Promise<void>((resolve) => (tellRoom = resolve));
  const { link, other } = await connect({ onRoom: tellRoom });
  // More than the system takes, and less than what makes it full.
  link.post(Buffer.alloc(250 * 1024));
  other.resume();
  await once(other, 'data');
  // It is written behind the next look at what the system has taken, and by then the first has gone.
  const wasFull = await new Promise<boolean>((resolve) => {
    setImmediate(() => {
      link.post(Buffer.alloc(100 * 1024));
      resolve(link.isFull);
    });
  });
  expect(wasFull).toBe(true);
  await room;
  expect(link.isFull).toBe(false);
});

test('what is said comes out at the other side in order, in whatever pieces it comes', async () => {
  const { link, other } = await connect({});
  link.post(Buffer.from('to all'));
  link.tell('#zoé', Buffer.from('to one'));
  link.note({ is: 'left', id: '7', key: 'alice' });
  link.post(Buffer.alloc(0));
  const [bytes] = (await once(other.resume(), 'data')) as [Buffer];
  for (const size of [1, 3, bytes.length]) {
    const seen: unknown[] = [];
    const socket = new PassThrough();
    new Link(socket, {
      ...IGNORED,
      onPost: (frame) => seen.push(['post', String(frame)]),
      onTell: (to, frame) => seen.push(['tell', to, String(frame)]),
      onNote: (note) => seen.push(note),
    });
    for (let at = 0; at < bytes.length; at += size) socket.push(bytes.subarray(at, at + size));
    socket.end();
    await once(socket, 'end');
    const note = { is: 'left', id: '7', key: 'alice' };
    expect(seen).toEqual([['post', 'to all'], ['tell', '#zoé', 'to one'], note, ['post', '']]);
  }
});

test('hands over nothing while it is paused, not even what has come in one piece with what was handed over', async () => {
  const [there, here] = [new PassThrough(), new PassThrough()];
  const link = new Link(there, IGNORED);
  for (const each of ['one', 'two', 'three']) link.post(Buffer.from(each));
  const [bytes] = (await once(there, 'data')) as [Buffer];
  const seen: string[] = [];
  const reading = new Link(here, {
    ...IGNORED,
    onPost(frame) {
      seen.push(String(frame));
      reading.pause();
    },
  });
  const come = once(here, 'data');
  here.write(bytes);
  await come;
  expect(seen).toEqual(['one']);
  reading.pause();
  reading.release();
  expect(seen).toEqual(['one']);
  reading.release();
  expect(seen).toEqual(['one', 'two']);
  here.end();
  reading.release();
  reading.release();
  await once(here, 'end');
  expect(seen).toEqual(['one', 'two', 'three']);
});

test('hands over what had come before the other side has gone, though it is paused', async () => {
  const seen: string[] = [];
  let closed = (): void => undefined;
  const close = new Promise<void>((resolve) => (closed = resolve));
  const { link, other } = await connect({
    onPost(frame) {
      seen.push(String(frame));
      link.pause();
    },
    onClose() {
      seen.push('closed');
      closed();
    },
  });
  const there = new Link(other, IGNORED);
  for (const each of ['one', 'two', 'three']) there.post(Buffer.from(each));
  await expect.poll(() => seen).toEqual(['one']);
  other.destroy();
  await close;
  expect(seen).toEqual(['one', 'two', 'three', 'closed']);
});

test('hands over what had come before the other side has gone without reading all, though it is paused', async () => {
  const seen: string[] = [];
  let closed = (): void => undefined;
  const close = new Promise<void>((resolve) => (closed = resolve));
  const { link, other } = await connect({
    onPost(frame) {
      seen.push(String(frame));
      link.pause();
    },
    onClose: () => closed(),
  });
  const bytes = new PassThrough();
  const there = new Link(bytes, IGNORED);
  for (const each of ['one', 'two', 'three']) there.post(Buffer.from(each));
  link.post(Buffer.from('unread'));
  const [said] = (await once(bytes, 'data')) as [Buffer];
  other.write(said);
  await expect.poll(() => seen).toEqual(['one']);
  // What it has not read makes an error of its end.
  other.destroy();
  await close;
  expect(seen).toEqual(['one', 'two', 'three']);
});
