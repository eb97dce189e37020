import { EventEmitter } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Visit } from '../../bots/files/visit.ts';
import type { Channel } from '../../src/client/channel.ts';
import { DEFAULT_POLICY_LIMITS } from '../../src/policy/limits.ts';
import { endOf } from '../support/bot-world.ts';
import { serveFiles } from './serving.ts';

const GET = 'GET /hello.txt HTTP/1.1\r\nHost: files\r\n\r\n';
const JAVA = 'GET /hello.txt HTTP/1.1\r\nHost: /d/\r\n\r\n';
const serve = (timeouts: { requestTimeoutMs?: number; idleTimeoutMs?: number }) =>
  serveFiles({ 'hello.txt': 'hello' }, 4, undefined, timeouts);

describe('the files bot', () => {
  it.each([
    ['nothing', ''],
    ['half a request line', 'GET / HTT'],
    ['half a header', 'GET / HTTP/1.1\r\nHost: fi'],
    ['half a request of the Java client', 'GET /hello.txt HTTP/1.1\r\nHost: /d/\r\n'],
    ['a request and a half', `${GET}GET / HTT`],
    ['a request and a half of the Java client', `${JAVA}GET / HTT`],
    ['a request without its body', 'POST / HTTP/1.1\r\nHost: files\r\nContent-Length: 5\r\n\r\nhell'],
  ])('breaks a channel on which %s has come', async (_what, text) => {
    const { open } = await serve({ requestTimeoutMs: 100, idleTimeoutMs: 600 });
    const { http } = await open();
    if (text !== '') http.socket.write(text);
    expect(await endOf(http.socket)).toBe('reset');
  });

  it.each([
    ['the first request', '', 'GET /hello.txt HTTP/1.1\r\n'],
    ['a further request', GET, 'GET /hello.txt HTTP/1.1\r\n'],
    ['a request of the Java client', '', 'GET /'],
    ['a further request of the Java client', JAVA, 'GET /'],
    ['a body', '', 'POST / HTTP/1.1\r\nHost: files\r\nContent-Length: 100000\r\n\r\n'],
  ])('breaks a channel on which %s comes drop by drop', async (_what, first, beginning) => {
    const { open } = await serve({ requestTimeoutMs: 1_000 });
    const { http } = await open();
    http.socket.write(first);
    const over = endOf(http.socket);
    if (first !== '') await new Promise((resolve) => http.socket.once('data', resolve));
    http.socket.write(beginning);
    const drops = setInterval(() => http.socket.write('x'), 20);
    expect(await over).toBe('reset');
    clearInterval(drops);
  });

  it('has room again for a peer that has filled its share with half requests', async () => {
    const { open } = await serve({ requestTimeoutMs: 2_000 });
    const ends: Promise<string>[] = [];
    for (let i = 0; i < DEFAULT_POLICY_LIMITS.maxChannelsPerPeer; i++) {
      const { socket } = (await open()).http;
      socket.write('GET / HTT');
      ends.push(endOf(socket));
    }
    expect(new Set(await Promise.all(ends))).toEqual(new Set(['reset']));
    expect((await (await open()).http.get('/hello.txt')).body.toString()).toBe('hello');
  });

  it.each([
    ['asks nothing more', GET],
    ['asks nothing more, of the Java client', JAVA],
    ['reads nothing of an answer', GET.replace('hello.txt', 'big.bin')],
    ['reads nothing of an answer to the Java client', JAVA.replace('hello.txt', 'big.bin')],
  ])('breaks a channel whose peer %s', async (_what, request) => {
    const { open, directory, log, runtime } = await serve({ idleTimeoutMs: 200 });
    await writeFile(path.join(directory, 'big.bin'), Buffer.alloc(40 * 1024 * 1024));
    (await open()).http.socket.write(request);
    await log.until(/alice neither sent a request nor read an answer in time/);
    await runtime.stop({ timeoutMs: 10_000 });
    expect(runtime.channelCount).toBe(0);
  });
});

describe('the visit of a peer', () => {
  const timeouts = { requestTimeoutMs: 1_000, idleTimeoutMs: 10_000 };
  const start = () => {
    const channel = Object.assign(new EventEmitter(), { peer: 'alice', bytesSent: 0, destroyed: false });
    const destroy = vi.fn<() => void>(() => void (channel.destroyed = true));
    return { channel, destroy, visit: new Visit(Object.assign(channel, { destroy }) as unknown as Channel, timeouts) };
  };

  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('lasts as long as something is sent, however slowly', () => {
    const { channel, destroy, visit } = start();
    visit.begin();
    for (let round = 0; round < 100; round++) {
      visit.received();
      channel.bytesSent += 1;
      vi.advanceTimersByTime(9_999);
    }
    expect(destroy).not.toHaveBeenCalled();
    vi.advanceTimersByTime(20_000);
    expect(destroy).toHaveBeenCalledOnce();
  });

  it('lasts the idle time after each request, and the time for a request from its first byte', () => {
    const { destroy, visit } = start();
    visit.begin();
    visit.end();
    vi.advanceTimersByTime(9_999);
    visit.received();
    vi.advanceTimersByTime(999);
    visit.received();
    expect(destroy).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(destroy).toHaveBeenCalledOnce();
  });

  it('leaves no timer behind', () => {
    const { channel, visit } = start();
    visit.begin();
    channel.destroyed = true;
    channel.emit('close');
    visit.end();
    expect(vi.getTimerCount()).toBe(0);
  });
});
