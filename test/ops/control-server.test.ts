import { existsSync, lstatSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ChatosError } from '../../src/errors.ts';
import { askControl } from '../../src/ops/control-client.ts';
import type { ControlLine } from '../../src/ops/control-protocol.ts';
import { startControlServer, type Answer, type ControlServer } from '../../src/ops/control-server.ts';
import { RawControl } from '../support/control.ts';
import { LogRecorder } from '../support/server-rig.ts';

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'chatosbot-control-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

const echo: Answer = (request) => [{ type: 'echo', ...request }];

async function start(options: { path?: string; answer?: Answer; timeoutMs?: number } = {}) {
  const log = new LogRecorder();
  const { path: file = path.join(folder(), 'c.sock'), answer = echo, ...rest } = options;
  const control: ControlServer = await startControlServer({ path: file, answer, log, ...rest });
  onTestFinished(() => control.abort());
  return { control, file, log };
}

async function ask(file: string, command: string, timeoutMs = 5_000): Promise<ControlLine[]> {
  const lines: ControlLine[] = [];
  for await (const line of askControl(file, { command }, { timeoutMs })) lines.push(line);
  return lines;
}

describe('a control socket', () => {
  it('is for this user alone, whatever the umask is', async () => {
    const before = process.umask(0);
    onTestFinished(() => void process.umask(before));
    const { file } = await start();
    expect(lstatSync(file).mode & 0o777).toBe(0o600);
    expect(process.umask()).toBe(0);
  });

  it('answers one request after the other, also one that ends behind them', async () => {
    const { file } = await start();
    const client = new RawControl(file);
    client.socket.end('{"command":"a","n":1}\n{"command":"b"}\n');
    expect(await client.answer()).toEqual([{ type: 'echo', command: 'a', n: 1 }, { type: 'end' }]);
    expect(await client.answer()).toEqual([{ type: 'echo', command: 'b' }, { type: 'end' }]);
    await client.ended;
  });

  it('waits again and again for a client that takes a long answer, and leaves no listener behind each time', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    onTestFinished(() => warned.mockRestore());
    const text = 'x'.repeat(300 * 1024);
    const { file } = await start({ answer: () => Array.from({ length: 16 }, () => ({ type: 'line', text })) });
    expect(await ask(file, 'a')).toHaveLength(16);
    expect(warned.mock.calls).toEqual([]);
  });

  it.each(['nonsense', '[]', 'null', '7', '{"command":7}', '{}'])(
    'answers %j with an error, and goes on',
    async (line) => {
      const { file } = await start();
      const client = new RawControl(file);
      client.send(`${line}\n{"command":"a"}\n`);
      expect(await client.answer()).toEqual([{ type: 'error', code: 'INVALID_ARGUMENT', message: expect.any(String) }]);
      expect(await client.answer()).toHaveLength(2);
    },
  );

  it('keeps nothing of a line that is too long', async () => {
    const { file } = await start();
    const client = new RawControl(file);
    client.send(`${'x'.repeat(1_000_000)}\n{"command":"a"}\n`);
    expect((await client.answer())[0]).toMatchObject({ message: 'the request is too long' });
    expect(await client.answer()).toHaveLength(2);
  });

  it('reports a bug of ours in the log, and does not end by it', async () => {
    const { file, log } = await start({
      answer: () => {
        throw new TypeError('a bug');
      },
    });
    await expect(ask(file, 'a')).rejects.toThrow('internal error: see the log of the server');
    expect(log.of('the control socket failed: a bug')).toHaveLength(1);
    await expect(ask(file, 'a')).rejects.toThrow('internal error');
  });

  it('closes a connection that sends no whole request in time', async () => {
    const { file } = await start({ timeoutMs: 50 });
    const client = new RawControl(file);
    client.send('{"command"');
    await client.ended;
    expect(await client.answer()).toEqual([]);
  });

  it('closes a connection that does not take its answer in time, and makes nothing of what nobody takes', async () => {
    let made = 0;
    function* many(): Iterable<ControlLine> {
      for (; made < 100_000; made += 1) yield { type: 'row', text: 'x'.repeat(1_000) };
    }
    const { file, log } = await start({ answer: many, timeoutMs: 200 });
    const client = new RawControl(file);
    client.socket.pause();
    client.send('{"command":"a"}\n');
    await log.until('control connection closed: nothing moved on it');
    expect(made).toBeGreaterThan(0);
    expect(made).toBeLessThan(100_000);
  });

  it('lets a client take its answer slowly, as long as it takes some of it', async () => {
    const row: ControlLine = { type: 'row', text: 'x'.repeat(300 * 1024) };
    const { file } = await start({ answer: () => Array.from({ length: 8 }, () => row), timeoutMs: 1_000 });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const client = new RawControl(file);
    let rows = 0;
    client.socket.on('data', (text: string) => {
      if (!text.includes('\n')) return;
      rows += 1;
      vi.advanceTimersByTime(300);
    });
    client.send('{"command":"a"}\n');
    expect(await client.answer()).toHaveLength(9);
    expect(rows).toBeGreaterThan(4);
  });

  it('takes 16 connections, closes more, and serves others when they have gone', async () => {
    const { file } = await start();
    const clients = Array.from({ length: 16 }, () => new RawControl(file));
    for (const client of clients) {
      client.send('{"command":"a"}\n');
      await client.answer();
    }
    const more = new RawControl(file);
    await more.ended;
    await expect(ask(file, 'a')).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    clients[0]!.socket.end();
    await clients[0]!.ended;
    expect(await ask(file, 'a')).toHaveLength(1);
  });

  it('is removed when it is closed, idle connections with it', async () => {
    const { control, file } = await start();
    const client = new RawControl(file);
    client.send('{"command":"a"}\n');
    await client.answer();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    await control.close();
    // Nothing waits to break what is left, or to remove the socket once more.
    expect(vi.getTimerCount()).toBe(0);
    await client.ended;
    expect(existsSync(file)).toBe(false);
  });
});

describe('a path', () => {
  it('that a dead process has left is taken', async () => {
    const file = path.join(folder(), 'c.sock');
    const script = `require('net').createServer().listen(${JSON.stringify(file)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', script]);
    expect(existsSync(file)).toBe(true);
    await start({ path: file });
    expect(await ask(file, 'a')).toHaveLength(1);
  });

  it('at which a process answers is not', async () => {
    const { file } = await start();
    await expect(start({ path: file })).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: expect.stringContaining('another process listens there'),
    });
    expect(await ask(file, 'a')).toHaveLength(1);
  });

  it('of a server that is stopping is taken, and stays with its new owner when the old one ends', async () => {
    const stopping: Answer = () => [{ type: 'stats', stopping: true }];
    for (const end of ['close', 'abort'] as const) {
      const { control: old, file } = await start({ answer: stopping });
      const asking = new RawControl(file);
      asking.send('{"command":"a"}\n');
      await asking.answer();
      await start({ path: file });
      expect(await ask(file, 'a')).toEqual([{ type: 'echo', command: 'a' }]);
      asking.send('{"command":"a"}\n');
      expect(await asking.answer()).toMatchObject([{ stopping: true }, { type: 'end' }]);
      await old[end]();
      expect(await ask(file, 'a')).toHaveLength(1);
      expect(readdirSync(path.dirname(file))).toEqual(['c.sock']);
    }
  });

  it('that is refused leaves nothing beside it', async () => {
    const { file } = await start();
    await expect(start({ path: file })).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
    expect(readdirSync(path.dirname(file))).toEqual(['c.sock']);
  });

  it('may be as long as the system lets it be', async () => {
    const long = path.join(folder(), 'c'.repeat(103));
    for (const file of [long.slice(0, 103), path.join(folder(), 's')]) {
      await start({ path: file });
      expect(await ask(file, 'a')).toHaveLength(1);
    }
  });

  it('of a file is not, and the file stays', async () => {
    const file = path.join(folder(), 'c.sock');
    writeFileSync(file, 'precious');
    await expect(start({ path: file })).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
    expect(lstatSync(file).isFile()).toBe(true);
  });

  it.each([
    ['/nowhere/at/all/c.sock', 'LISTEN_FAILED', /there is no such folder/],
    [`/tmp/${'x'.repeat(120)}`, 'INVALID_ARGUMENT', /the path of the control socket has 125 bytes, and may have \d+/],
  ])('as %s is refused', async (file, code, message) => {
    const error: unknown = await start({ path: file }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
  });
});

describe('asking', () => {
  it('fails with CONNECT_FAILED where nothing is, or what is there is not ours', async () => {
    const file = path.join(folder(), 'c.sock');
    await expect(ask(file, 'a')).rejects.toMatchObject({ code: 'CONNECT_FAILED' });
    const other = createServer((socket) => socket.end('220 mail\r\n')).listen(file);
    onTestFinished(() => void other.close());
    await expect(ask(file, 'a')).rejects.toMatchObject({ code: 'CONNECT_FAILED' });
  });

  it('says of a file and of a folder that they are no socket', async () => {
    const file = path.join(folder(), 'notes');
    writeFileSync(file, '');
    for (const each of [file, path.dirname(file)]) {
      await expect(ask(each, 'x')).rejects.toMatchObject({
        code: 'CONNECT_FAILED',
        message: `${each}: it is not a socket`,
      });
    }
  });

  it('times out where nothing is answered', async () => {
    const { file } = await start({ answer: () => new Promise(() => undefined) });
    await expect(ask(file, 'a', 50)).rejects.toMatchObject({ code: 'TIMED_OUT' });
  });

  it('throws what the server answers, with its code', async () => {
    const { file } = await start({
      answer: () => {
        throw new ChatosError('NOT_CONNECTED', 'nobody');
      },
    });
    await expect(ask(file, 'a')).rejects.toMatchObject({ code: 'NOT_CONNECTED', message: 'nobody' });
  });
});
