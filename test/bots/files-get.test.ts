import { stat } from 'node:fs/promises';
import type { Socket } from 'node:net';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Context } from '../../src/bot/plugin/context.ts';
import { ChatosClient } from '../../src/client/client.ts';
import { tempDirectory, writeText } from '../support/bot-files.ts';
import { RawHttp } from '../support/bot-http.ts';
import { expectRefusal, joinAs, openChannel, signalled, startBots, startServer, WIDTHS } from '../support/bot-world.ts';
import { httpGet, readAll } from '../support/rfc-peer.ts';
import { serveFiles, shippedEntry } from './serving.ts';

const FILES = { 'hello.txt': 'hello, world', 'empty.txt': '', 'sub/deep/inner.txt': 'inner' };

describe.each(WIDTHS)('the files bot, LONG of %i bytes', (width) => {
  it('serves a file to an HTTP client on the channel', async () => {
    const { open } = await serveFiles(FILES, width);
    const { http } = await open();
    const { status, headers, body } = await httpGet(http.socket, '/hello.txt');
    expect({ status, body: body.toString() }).toEqual({ status: 200, body: 'hello, world' });
    expect(headers).toMatchObject({ 'content-length': '12', 'accept-ranges': 'bytes' });
  });

  it("serves Node's HTTP client on a channel of the client library", async () => {
    const { server } = await serveFiles(FILES, width);
    const ann = ChatosClient.create({ server, login: 'ann' });
    onTestFinished(() => ann.destroy());
    await ann.start();
    const channel = await ann.request('files');
    for (const [name, text] of Object.entries(FILES)) {
      const { body } = await httpGet(channel as unknown as Socket, `/${name}`);
      expect(body.toString()).toBe(text);
    }
  });

  it('answers several requests on one channel, one after the other and pipelined', async () => {
    const { open } = await serveFiles(FILES, width);
    const { http } = await open();
    for (let round = 0; round < 3; round++) {
      expect((await http.get('/hello.txt')).body.toString()).toBe('hello, world');
      expect((await http.get('/nope')).status).toBe(404);
      expect((await http.get('/sub/deep/inner.txt')).body.toString()).toBe('inner');
    }
    for (const target of ['/hello.txt', '/empty.txt', '/nope', '/sub/deep/inner.txt']) http.ask(target);
    const bodies = [await http.read(), await http.read(), await http.read(), await http.read()];
    expect(bodies.map(({ status, body }) => `${status} ${body.toString().trim()}`)).toEqual([
      '200 hello, world',
      '200 ',
      '404 404 Not Found',
      '200 inner',
    ]);
  });

  it('ends the channel where the client says that it is the last request', async () => {
    const { open } = await serveFiles(FILES, width);
    const { http } = await open();
    http.ask('/hello.txt', ['Connection: close']);
    expect((await http.read()).body.toString()).toBe('hello, world');
    await expect(http.read()).rejects.toThrow('ended');
  });

  it('answers a peer that ends its side behind the request', async () => {
    const big = 'x'.repeat(2_000_000);
    const { open, server } = await serveFiles({ ...FILES, 'big.txt': big }, width);
    expect(server.longBytes).toBe(width);
    const { http } = await open();
    const received = readAll(http.socket);
    http.ask('/hello.txt');
    http.ask('/big.txt');
    http.socket.end();
    const text = (await received).toString();
    expect(text).toContain('hello, world');
    expect(text.endsWith(big)).toBe(true);
  });
});

describe('the files bot', () => {
  it('serves an empty file', async () => {
    const { open } = await serveFiles(FILES);
    const { http } = await open();
    expect(await http.get('/empty.txt')).toMatchObject({ status: 200, headers: { 'content-length': '0' } });
    expect((await http.get('/hello.txt')).status).toBe(200);
  });

  it('answers HEAD with the headers of GET and no body', async () => {
    const { open } = await serveFiles(FILES);
    const { http } = await open();
    http.ask('/hello.txt', [], 'HEAD');
    expect(await http.read({ head: true })).toMatchObject({ status: 200, headers: { 'content-length': '12' } });
    http.ask('/nope', [], 'HEAD');
    expect((await http.read({ head: true })).status).toBe(404);
    expect((await http.get('/hello.txt')).body.toString()).toBe('hello, world');
  });

  it('tells when the file was changed', async () => {
    const { open, directory } = await serveFiles(FILES);
    const { http } = await open();
    const { mtime } = await stat(path.join(directory, 'hello.txt'));
    const { headers } = await http.get('/hello.txt');
    expect(headers['last-modified']).toBe(mtime.toUTCString());
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])(
    'answers %s with 405, says what it allows, and goes on',
    async (method) => {
      const { open } = await serveFiles(FILES);
      const { http } = await open();
      http.ask('/hello.txt', ['Content-Length: 5'], method);
      http.socket.write('hello');
      expect(await http.read()).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
      expect((await http.get('/hello.txt')).status).toBe(200);
    },
  );

  it('answers 404 for what is not there, and for directories', async () => {
    const { open } = await serveFiles(FILES);
    const { http } = await open();
    for (const target of ['/nope', '/', '/sub', '/sub/', '/hello.txt/', '/hello.txt/x', '/sub/nope/x']) {
      const { status } = await http.get(target);
      expect({ target, status }).toEqual({ target, status: 404 });
    }
  });

  it('ignores the query, and decodes names', async () => {
    const { open } = await serveFiles({ 'a b+c.txt': '1', 'ünï😀.txt': '2', '100%25.txt': '3', '#.txt': '4' });
    const { http } = await open();
    for (const [target, text] of [
      ['/a%20b+c.txt?x=/../y', '1'],
      [`/${encodeURIComponent('ünï😀.txt')}`, '2'],
      ['/100%2525.txt', '3'],
      ['/%23.txt', '4'],
    ] as const) {
      const { body } = await http.get(target);
      expect({ target, text: body.toString() }).toEqual({ target, text });
    }
  });

  it('is not run where it was not told what to serve', async () => {
    await expect(shippedEntry('files')).rejects.toThrow('Expected "directory"');
  });

  it('refuses connections, and says why in the log, where there is nothing to serve', async () => {
    const server = await startServer();
    const entry = await shippedEntry('files', { directory: '/there/is/no/such/folder' });
    const { log } = await startBots(server, [entry]);
    expect((await log.until(/onStart failed/)).message).toMatch(/no such file or directory.*\/there\/is\/no/);
    await expectRefusal(await joinAs(server, 'alice'), 'files');
  });

  it('may run twice in one process: each serves its own directory, and nothing of the other', async () => {
    const server = await startServer();
    const started = [signalled(), signalled()];
    const specs = [];
    for (const [i, login] of ['public', 'private'].entries()) {
      const directory = await tempDirectory();
      await writeText(directory, `${login}.txt`, login);
      const { plugin, options } = await shippedEntry('files', { directory });
      const onStart = async (bot: Context): Promise<void> => {
        await plugin.hooks.onStart!(bot);
        started[i]!.resolve();
      };
      specs.push({ plugin: { ...plugin, hooks: { ...plugin.hooks, onStart } }, login, options });
    }
    await startBots(server, specs);
    await Promise.all(started.map(({ promise }) => promise));
    const alice = await joinAs(server, 'alice');
    const served: Record<string, number[]> = {};
    for (const login of ['public', 'private']) {
      const http = new RawHttp((await openChannel(alice, server, login)).half);
      served[login] = [(await http.get('/public.txt')).status, (await http.get('/private.txt')).status];
    }
    expect(served).toEqual({ public: [200, 404], private: [404, 200] });
  });
});
