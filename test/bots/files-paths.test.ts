import { symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeText } from '../support/bot-files.ts';
import { serveFiles } from './serving.ts';

describe('the files bot, names that lead out of the directory', () => {
  it('are absent, however they are spelled', async () => {
    const { open, outside } = await serveFiles({ 'hello.txt': 'hello', 'sub/inner.txt': 'inner' });
    await writeText(outside, 'public-2/secret.txt', 'SECRET');
    const absolute = path.join(outside, 'secret.txt');
    for (const target of [
      '/../secret.txt',
      '/../../../../../../../../etc/passwd',
      '/sub/../../secret.txt',
      '/sub/../../../../../../../../etc/passwd',
      '/%2e%2e/secret.txt',
      '/%2E%2E%2Fsecret.txt',
      '/..%2fsecret.txt',
      '/sub/..%2f..%2fsecret.txt',
      '/%252e%252e/secret.txt',
      '/..%5csecret.txt',
      '/..\\secret.txt',
      '/....//secret.txt',
      '/..;/secret.txt',
      '/../public-2/secret.txt',
      '/..',
      '/../',
      absolute,
      `/${absolute}`,
      `/${encodeURIComponent(absolute)}`,
      `file://${absolute}`,
      `http://files${absolute}`,
      '/etc/passwd',
      '//etc/passwd',
      '/hello.txt%00',
      '/%00',
      '/../secret.txt%00.txt',
      '/%',
      '/%zz',
      '/%c0%ae%c0%ae/secret.txt',
      '/%ff',
      '/~root',
    ]) {
      const { http } = await open();
      const { status, body } = await http.get(target);
      const leaked = body.includes('SECRET') || body.includes('root:');
      expect({ target, status, leaked }).toEqual({ target, status: 404, leaked: false });
      http.socket.destroy();
    }
  });

  it('that no request can have are turned down, and the bot goes on', async () => {
    const { open, outside } = await serveFiles({ 'hello.txt': 'hello' });
    const absolute = path.join(outside, 'secret.txt');
    for (const target of [
      encodeURIComponent(absolute),
      '../secret.txt',
      '/\0',
      '/../secret.txt\0',
      '/a b',
      '',
      '*',
      '\u00FF',
    ]) {
      const { http } = await open();
      let received = '';
      http.socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
      const closed = new Promise((resolve) => http.socket.once('end', resolve).once('error', resolve));
      http.ask(target, ['Connection: close']);
      await closed;
      const turnedDown = /^$|^HTTP\/1\.1 4\d\d /.test(received);
      expect({ target, turnedDown, leaked: received.includes('SECRET') }).toEqual({
        target,
        turnedDown: true,
        leaked: false,
      });
      http.socket.destroy();
    }
    const { http } = await open();
    expect((await http.get('/hello.txt')).body.toString()).toBe('hello');
  });

  it('that turn round inside it are served', async () => {
    const { open } = await serveFiles({ 'hello.txt': 'hello', 'sub/inner.txt': 'inner' });
    const { http } = await open();
    for (const target of [
      '/sub/../hello.txt',
      '/./hello.txt',
      '//hello.txt',
      '/../hello.txt',
      '/sub/%2e%2e/hello.txt',
    ]) {
      const { body } = await http.get(target);
      expect({ target, text: body.toString() }).toEqual({ target, text: 'hello' });
    }
  });
});

describe('the files bot, links', () => {
  it('follows those that stay inside, and no others', async () => {
    const { open, directory, outside } = await serveFiles({ 'hello.txt': 'hello', 'sub/inner.txt': 'inner' });
    await symlink('hello.txt', path.join(directory, 'alias.txt'));
    await symlink(path.join(directory, 'sub'), path.join(directory, 'other-sub'));
    await symlink('../secret.txt', path.join(directory, 'out.txt'));
    await symlink(outside, path.join(directory, 'up'));
    await symlink('/etc/passwd', path.join(directory, 'passwd'));
    await symlink('nowhere', path.join(directory, 'dangling'));
    const { http } = await open();
    expect((await http.get('/alias.txt')).body.toString()).toBe('hello');
    expect((await http.get('/other-sub/inner.txt')).body.toString()).toBe('inner');
    for (const target of ['/out.txt', '/up/secret.txt', '/passwd', '/dangling', '/up']) {
      const { status } = await http.get(target);
      expect({ target, status }).toEqual({ target, status: 404 });
    }
    expect((await http.get('/up/public/hello.txt')).status).toBe(200);
  });

  it('may be what is served itself', async () => {
    const { open } = await serveFiles({ 'hello.txt': 'hello' }, 4, async (directory) => {
      const link = `${directory}-link`;
      await symlink(directory, link);
      return link;
    });
    const { http } = await open();
    expect((await http.get('/hello.txt')).body.toString()).toBe('hello');
  });
});

describe('the files bot, odd names', () => {
  it('serves a file whose name begins with two dots', async () => {
    const { open } = await serveFiles({ '..hidden': 'here', '...': 'dots' });
    const { http } = await open();
    expect((await http.get('/..hidden')).body.toString()).toBe('here');
    expect((await http.get('/...')).body.toString()).toBe('dots');
  });

  it('answers 404 for what no file can be called, and for links in a circle', async () => {
    const { open, directory } = await serveFiles({});
    await symlink('circle', path.join(directory, 'circle'));
    const { http } = await open();
    for (const target of [`/${'x'.repeat(300)}`, `/${'x/'.repeat(4_000)}x`, '/circle']) {
      const { status } = await http.get(target);
      expect({ target, status }).toEqual({ target, status: 404 });
    }
  });

  it('serves only files: no pipe, no device', async () => {
    const { open, directory } = await serveFiles({});
    const { execFileSync } = await import('node:child_process');
    execFileSync('mkfifo', [path.join(directory, 'fifo')]);
    const { http } = await open();
    expect((await http.get('/fifo')).status).toBe(404);
  });

  it('takes a file that appears while it runs, and forgets one that goes', async () => {
    const { open, directory } = await serveFiles({});
    const { http } = await open();
    expect((await http.get('/late.txt')).status).toBe(404);
    await writeFile(path.join(directory, 'late.txt'), 'late');
    expect((await http.get('/late.txt')).body.toString()).toBe('late');
  });
});
