import net from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ACCOUNT } from '../support/bot-status.ts';
import { converse, startEndpoint } from '../support/status-endpoint.ts';

const NOTHING = { status: { startedAt: new Date(), accounts: [] } };

/** Opens a connection, and writes what begins a request. */
async function open(port: number, text = ''): Promise<{ socket: net.Socket; closed: Promise<void> }> {
  const socket = net.connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.write(text);
  return { socket, closed };
}

/** The status of the answer to a request that is written by hand. */
async function statusOf(port: number, ...lines: string[]): Promise<number | undefined> {
  const answer = await converse(port, [...lines, 'Connection: close', '', ''].join('\r\n'));
  return answer === '' ? undefined : Number(/^HTTP\/1\.1 (\d+) /.exec(answer)![1]);
}

describe('the status endpoint, to whom it should not trust', () => {
  it.each([
    ['127.0.0.1', 200],
    ['127.0.0.1:7780', 200],
    ['10.1.2.3:80', 200],
    ['[::1]:7780', 200],
    ['localhost', 200],
    ['LOCALHOST:7780', 200],
    ['evil.example', 403],
    ['evil.example:7780', 403],
    ['localhost.evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['127.0.0.1@evil.example', 403],
    ['[evil]:80', 403],
    ['127.0.0.1, evil.example', 403],
    ['', 403],
  ])('answers a request for the host %j with %i', async (host, status) => {
    const { port } = await startEndpoint(NOTHING);
    expect(await statusOf(port, 'GET /healthz HTTP/1.1', `Host: ${host}`)).toBe(status);
  });

  it('takes the name that it listens on for its own', async () => {
    const { port } = await startEndpoint(NOTHING, { address: { host: '127.1', port: 0 } });
    expect(await statusOf(port, 'GET /healthz HTTP/1.1', `Host: 127.1:${port}`)).toBe(200);
    expect(await statusOf(port, 'GET /healthz HTTP/1.1', `Host: 127.2:${port}`)).toBe(403);
  });

  it('tells a strange host nothing about its pages and methods', async () => {
    const { port } = await startEndpoint(NOTHING);
    expect(await statusOf(port, 'GET /nowhere HTTP/1.1', 'Host: evil.example')).toBe(403);
    expect(await statusOf(port, 'POST /status HTTP/1.1', 'Host: evil.example')).toBe(403);
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE'])('does not allow %s', async (method) => {
    const { port } = await startEndpoint(NOTHING);
    const answer = await converse(port, `${method} /status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 405 /);
    expect(answer).toMatch(/^allow: GET, HEAD\r$/m);
  });

  it('does not wait for a body', async () => {
    const { port } = await startEndpoint(NOTHING);
    const head = 'POST /status HTTP/1.1\r\nHost: localhost\r\n';
    for (const length of ['Content-Length: 1000000000', 'Transfer-Encoding: chunked']) {
      expect(await converse(port, `${head}${length}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 405 .*connection: close/is);
    }
  });

  it.each([
    ['another site', 'GET http://evil.example/status HTTP/1.1', 404],
    ['a path up', 'GET /../status HTTP/1.1', 404],
    ['no path', 'GET * HTTP/1.1', 404],
  ])('has nothing for a request for %s', async (_, line, status) => {
    const { port } = await startEndpoint(NOTHING);
    expect(await statusOf(port, line, 'Host: localhost')).toBe(status);
  });

  it('is no proxy', async () => {
    const { port } = await startEndpoint(NOTHING);
    expect(await converse(port, 'CONNECT evil.example:80 HTTP/1.1\r\nHost: localhost\r\n\r\n')).toBe('');
  });

  it('refuses headers that are too large, and what is not HTTP', async () => {
    const { port, get } = await startEndpoint(NOTHING);
    const large = `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`;
    expect(await converse(port, large)).toMatch(/^HTTP\/1\.1 431 /);
    expect(await converse(port, '\u0001\u0000\u0000\u0000\u0005alice')).toMatch(/^HTTP\/1\.1 400 /);
    expect((await get('/healthz')).status).toBe(200);
  });

  it('ends a connection on which a request does not come to its end', async () => {
    const { port } = await startEndpoint(NOTHING, { requestTimeoutMs: 200 });
    const begun = await converse(port, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
    expect(begun).toMatch(/^$|^HTTP\/1\.1 408 /);
    expect(await converse(port, '')).toMatch(/^$|^HTTP\/1\.1 408 /);
  });

  it('ends a connection that drips, before its request is whole', async () => {
    const { port } = await startEndpoint(NOTHING, { requestTimeoutMs: 200 });
    const { socket, closed } = await open(port, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
    const drip = setInterval(() => socket.write('x'), 20);
    await expect(closed).resolves.toBeUndefined();
    clearInterval(drip);
  });

  it('ends a connection that does not take its answers', async () => {
    const muted = Array.from({ length: 5_000 }, (_, index) => `${index}`.padEnd(1_000, 'x'));
    const account = { ...ACCOUNT, muted };
    const runtime = { status: { startedAt: new Date(), accounts: [account] } };
    const { port } = await startEndpoint(runtime, { requestTimeoutMs: 300 });
    const { socket, closed } = await open(port);
    socket.pause();
    // More than the buffers of the system hold, and not more requests than a connection may have.
    socket.write('GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(6));
    // A socket that is not read learns of its end when it writes.
    const prod = setInterval(() => socket.write('\r\n'), 50);
    await expect(closed).resolves.toBeUndefined();
    clearInterval(prod);
  });

  it('ends a connection that sends hundreds of requests at once, and answers a few', async () => {
    const { port } = await startEndpoint(NOTHING);
    const ask = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const answers = await converse(port, ask.repeat(500));
    expect(answers.split('HTTP/1.1 ').length - 1).toBeLessThan(10);
    const few = await converse(port, ask.repeat(5) + ask.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
    expect(few.split('HTTP/1.1 200 ').length - 1).toBe(6);
  });

  it('refuses a request with more than 8 KiB of headers', async () => {
    const { port } = await startEndpoint(NOTHING);
    const send = (size: number) =>
      statusOf(port, 'GET /healthz HTTP/1.1', 'Host: localhost', `X-Long: ${'x'.repeat(size)}`);
    expect([await send(7 * 1024), await send(9 * 1024)]).toEqual([200, 431]);
  });

  it('loses one connection, not the endpoint, where the system cannot accept it', async () => {
    const listen = vi.spyOn(net.Server.prototype, 'listen');
    onTestFinished(() => listen.mockRestore());
    const { port } = await startEndpoint(NOTHING);
    (listen.mock.contexts.at(-1) as net.Server).emit('error', new Error('too many open files'));
    expect(await statusOf(port, 'GET /healthz HTTP/1.1', 'Host: localhost')).toBe(200);
  });

  it('has room for 32 connections, and for others again when one of them ends', async () => {
    const { port } = await startEndpoint(NOTHING);
    const held = await Promise.all(Array.from({ length: 32 }, () => open(port, 'GET /healthz HTTP/1.1\r\n')));
    expect(await statusOf(port, 'GET /healthz HTTP/1.1', 'Host: localhost')).toBeUndefined();
    held[0]!.socket.destroy();
    await expect.poll(() => statusOf(port, 'GET /healthz HTTP/1.1', 'Host: localhost')).toBe(200);
  });
});

describe('closing the status endpoint', () => {
  it('leaves nothing that keeps the process alive, nor does the endpoint itself but for its socket', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timers();
    const endpoint = await startEndpoint(NOTHING);
    expect(timers()).toBe(before);
    await endpoint.close();
    expect(timers()).toBe(before);
  });

  it('ends connections that are kept alive at once', async () => {
    const endpoint = await startEndpoint(NOTHING);
    const { socket, closed } = await open(endpoint.port, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await new Promise((resolve) => socket.once('data', resolve));
    const halfSent = await open(endpoint.port, 'GET /healthz HTTP/1.1\r\n');
    const ended: string[] = [];
    void closed.then(() => ended.push('kept alive'));
    void halfSent.closed.then(() => ended.push('half sent'));
    await Promise.all([endpoint.close(), closed, halfSent.closed]);
    expect(ended).toEqual(['kept alive', 'half sent']);
  });

  it('gives a request that does not come to its end half a second', async () => {
    const endpoint = await startEndpoint(NOTHING);
    const { closed } = await open(endpoint.port, 'GET /healthz HTTP/1.1\r\n');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const closing = endpoint.close();
    vi.advanceTimersByTime(499);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(1);
    await Promise.all([closing, closed]);
  });

  it('waits for nothing where there is no connection', async () => {
    const endpoint = await startEndpoint(NOTHING);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    await endpoint.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('may be asked for twice', async () => {
    const endpoint = await startEndpoint(NOTHING);
    await Promise.all([endpoint.close(), endpoint.close()]);
    await expect(endpoint.get('/healthz')).rejects.toThrow('fetch failed');
  });
});
