import { once } from 'node:events';
import { truncate, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { endOf, WIDTHS } from '../support/bot-world.ts';
import { serveFiles } from './serving.ts';

const BYTES = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 31 + (i >> 8)) % 256));

/** The bytes that the Java client of the protocol's authors sends. */
const ask = (name: string): string => `GET /${name} HTTP/1.1\r\nHost: /home/marie/files/\r\n\r\n`;

/** Reads as that client does: each line by its place. */
class JavaReader {
  readonly socket: Socket;
  #input: AsyncIterableIterator<Buffer> | undefined;
  #bytes = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.socket = socket;
  }

  /** Bytes that have come and are not read. */
  get buffered(): number {
    return this.#bytes.length + this.socket.readableLength;
  }

  async line(): Promise<string> {
    let end: number;
    while ((end = this.#bytes.indexOf('\r\n')) < 0) await this.#more();
    return this.#take(end + 2).toString('latin1', 0, end);
  }

  async file(): Promise<{ name: string; type: string; bytes: Buffer }> {
    await this.#match(/^HTTP\/1\.1 200 (.+)$/);
    const length = Number(await this.#match(/^Content-Length: (\d+)$/));
    const type = await this.#match(/^Content-Type: (\S+)$/);
    const name = await this.#match(/^Name-File: (.+)$/);
    await this.#match(/^()$/);
    while (this.#bytes.length < length) await this.#more();
    return { name, type, bytes: this.#take(length) };
  }

  async text(): Promise<string> {
    return (await this.file()).bytes.toString();
  }

  async error(): Promise<[string, string]> {
    return [await this.line(), await this.line()];
  }

  async #match(form: RegExp): Promise<string> {
    const line = await this.line();
    const match = form.exec(line);
    if (!match) throw new Error(`'${line}' in place of ${String(form)}`);
    return match[1]!;
  }

  #take(length: number): Buffer {
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }

  /** What comes until the bot ends the channel. */
  async rest(): Promise<string> {
    for await (const chunk of (this.#input ??= this.#begin())) this.#bytes = Buffer.concat([this.#bytes, chunk]);
    return this.#bytes.toString('latin1');
  }

  #begin(): AsyncIterableIterator<Buffer> {
    return this.socket.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Buffer>;
  }

  async #more(): Promise<void> {
    const { done, value } = await (this.#input ??= this.#begin()).next();
    if (done) throw new Error('the channel has ended');
    this.#bytes = Buffer.concat([this.#bytes, value]);
  }
}

/** The files bot at work on these files and `b.bin`, and a channel to it. */
async function connect(files: Record<string, string>, width: 4 | 8 = 8) {
  const world = await serveFiles(files, width);
  await writeFile(path.join(world.directory, 'b.bin'), BYTES);
  const { http, connectId } = await world.open();
  return { ...world, java: new JavaReader(http.socket), connectId };
}

describe.each(WIDTHS)('the files bot and the Java client, LONG of %i bytes', (width) => {
  it('sends one file after the other over one channel, until packet 11 ends it', async () => {
    const { alice, java, connectId, runtime } = await connect({ 'a.txt': 'hello' }, width);
    java.socket.write(ask('a.txt'));
    expect(await java.file()).toEqual({ name: 'a.txt', type: 'application/octet-stream', bytes: Buffer.from('hello') });
    java.socket.write(ask('b.bin'));
    expect((await java.file()).bytes.equals(BYTES)).toBe(true);
    java.socket.write(ask('a.txt'));
    expect(await java.text()).toBe('hello');
    alice.close(connectId, 'alice', 'files');
    await expect(java.line()).rejects.toThrow('ended');
    await runtime.stop({ timeoutMs: 10_000 });
    expect(runtime.channelCount).toBe(0);
  });
});

describe('the files bot and the Java client', () => {
  it('sends nothing but the lines that it knows and the bytes of the file, or two lines', async () => {
    const { java } = await connect({ 'a.txt': 'hello' });
    java.socket.end('GET /a.txt HTTP/1.1\r\nHost: /d/\r\n\r\nGET /nope HTTP/1.1\r\nHost: /d/\r\n\r\n');
    expect(await java.rest()).toBe(
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: application/octet-stream\r\nName-File: a.txt\r\n\r\nhello' +
        'HTTP/1.1 404 Not Found\r\nErrorDocument 404 /nope\r\n',
    );
  });

  it('answers requests that come byte by byte, and several that come at once, in order', async () => {
    const { java } = await connect({ 'a.txt': 'hello', 'c.txt': 'c' });
    for (const byte of Buffer.from(ask('a.txt') + ask('nope'))) {
      await new Promise((resolve) => java.socket.write(Buffer.of(byte), resolve));
    }
    expect(await java.text()).toBe('hello');
    expect(await java.error()).toEqual(['HTTP/1.1 404 Not Found', 'ErrorDocument 404 /nope']);
    java.socket.write(ask('c.txt') + ask('nope') + ask('b.bin') + ask('a.txt').slice(0, -3));
    expect(await java.text()).toBe('c');
    expect(await java.error()).toEqual(['HTTP/1.1 404 Not Found', 'ErrorDocument 404 /nope']);
    expect((await java.file()).bytes.equals(BYTES)).toBe(true);
    java.socket.write(ask('a.txt').slice(-3));
    expect(await java.text()).toBe('hello');
  });

  it('sends an answer later than the one before: the client forgets what comes right behind one', async () => {
    const { java } = await connect({ 'a.txt': 'hello', 'c.txt': 'c' });
    java.socket.write(ask('a.txt') + ask('c.txt'));
    expect(await java.text()).toBe('hello');
    expect(java.buffered).toBe(0);
    expect(await java.text()).toBe('c');
  });

  it('reports an empty file as an error: the client would wait for its bytes for ever', async () => {
    const { java } = await connect({ 'empty.txt': '', 'a.txt': 'hello' });
    java.socket.write(ask('empty.txt'));
    expect(await java.error()).toEqual(['HTTP/1.1 204 No Content', 'ErrorDocument 204 /empty.txt']);
    java.socket.write(ask('a.txt'));
    expect(await java.text()).toBe('hello');
  });

  it('reports a file whose length is no int of Java', async () => {
    const { java, directory } = await connect({ 'huge.bin': '', 'a.txt': 'hello' });
    await truncate(path.join(directory, 'huge.bin'), 2 ** 31);
    java.socket.write(ask('huge.bin'));
    expect(await java.error()).toEqual([expect.stringMatching(/^HTTP\/1\.1 413 /), 'ErrorDocument 413 /huge.bin']);
    java.socket.write(ask('a.txt'));
    expect(await java.text()).toBe('hello');
  });

  it('reports what is not there, folders, and what lies outside, always with a name', async () => {
    const { java } = await connect({ 'a.txt': 'hello', 'sub/inner.txt': 'inner' });
    for (const [name, shown] of [
      ['nope', 'nope'],
      ['sub', 'sub'],
      ['sub/', 'sub'],
      ['', '.'],
      ['/', '.'],
      ['..', '..'],
      ['../secret.txt', 'secret.txt'],
      ['%2e%2e/secret.txt', 'secret.txt'],
      ['sub/../../secret.txt', 'secret.txt'],
      ['etc/passwd', 'passwd'],
      ['/etc/passwd', 'passwd'],
      ['a\0', 'a%00'],
      ['a.txt%00', 'a.txt%00'],
      ['a%0d%0aContent-Length: 9', 'a%0D%0AContent-Length: 9'],
      ['%zz', '%zz'],
      ['x'.repeat(300), 'x'.repeat(300)],
    ] as const) {
      java.socket.write(ask(name), 'latin1');
      expect(await java.error()).toEqual(['HTTP/1.1 404 Not Found', `ErrorDocument 404 /${shown}`]);
    }
    java.socket.write(ask('a.txt'));
    expect(await java.text()).toBe('hello');
  });

  it('takes names as they are, or with escapes, and sends their last part in ASCII', async () => {
    const files = {
      'my file.txt': '1',
      'ünï😀.txt': '2',
      'a%20b.txt': '3',
      'what?#.txt': '4',
      '100%.txt': '5',
      'sub/inner.txt': '6',
      'two\r\nlines: 1': '7',
    };
    const { java } = await connect(files);
    for (const [name, shown, text] of [
      ['my file.txt', 'my file.txt', '1'],
      ['my%20file.txt', 'my file.txt', '1'],
      ['ünï😀.txt', '%C3%BCn%C3%AF%F0%9F%98%80.txt', '2'],
      [encodeURIComponent('ünï😀.txt'), '%C3%BCn%C3%AF%F0%9F%98%80.txt', '2'],
      ['a%20b.txt', 'a%20b.txt', '3'],
      ['what?#.txt', 'what?#.txt', '4'],
      ['100%.txt', '100%.txt', '5'],
      ['sub/inner.txt', 'inner.txt', '6'],
      ['sub/../sub//inner.txt', 'inner.txt', '6'],
      ['two%0d%0alines: 1', 'two%0D%0Alines: 1', '7'],
    ] as const) {
      java.socket.write(ask(name));
      const { name: received, bytes } = await java.file();
      expect({ name, received, text: bytes.toString() }).toEqual({ name, received: shown, text });
    }
  });

  it('breaks the channel where a file shrinks on the way', async () => {
    const { java, directory } = await connect({ 'big.bin': 'x'.repeat(40 * 1024 * 1024) });
    java.socket.write(ask('big.bin'));
    await once(java.socket, 'readable');
    await writeFile(path.join(directory, 'big.bin'), 'now it is short');
    // Where the reset has come by now, there is no end to wait for.
    expect(java.socket.errored ? 'reset' : await endOf(java.socket)).toBe('reset');
  });

  it('leaves other requests whose Host is a path to HTTP, on the same channel too', async () => {
    const { java } = await connect({ 'a.txt': 'hello' });
    java.socket.write(ask('a.txt'));
    expect(await java.text()).toBe('hello');
    java.socket.end('HEAD /a.txt HTTP/1.1\r\nHost: /d/\r\nConnection: close\r\n\r\n');
    expect(await java.rest()).toMatch(/^HTTP\/1\.1 200 OK\r\n(?:.+\r\n)*content-length: 5\r\n(?:.+\r\n)*\r\n$/);
  });
});
