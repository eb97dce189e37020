import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Message } from '../../../src/bot/plugin/context.ts';
import { openRecording, recordTo } from '../../../src/bot/recording/recorder.ts';
import { readRecording } from '../../../src/bot/recording/recording.ts';
import type { RuntimeEvent } from '../../../src/bot/events.ts';
import { MemoryLog } from '../../support/bot-log.ts';
import { plugin, startBots, startServer, joinAs } from '../../support/bot-world.ts';
import { heapBytes } from '../../support/heap.ts';

const HEADER =
  '{"type":"recording","version":1,"chatosbot":"0.1.0","startedAt":"2026-01-05T09:00:00.000Z","timeZone":"UTC"}\n';
const AT = '"time":"2026-01-05T09:00:01.000Z","server":"tcp://127.0.0.1:7777","login":"dice"';
const HEARD = `{${AT},"type":"heard","number":1,"from":"ann","private":true,"text":"hi"}\n`;

async function newFile(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'chatosbot-recording-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return path.join(directory, 'chat.ndjson');
}

async function* bytes(text: string, size = 7): AsyncGenerator<Uint8Array> {
  const all = Buffer.from(text);
  for (let at = 0; at < all.length; at += size) yield all.subarray(at, at + size);
}

const read = (text: string): ReturnType<typeof readRecording> => readRecording(bytes(text), 'f');

describe('a recording', () => {
  it('is read as it was written, whatever was said', async () => {
    const file = await newFile();
    const recorder = await openRecording(file, { version: '1.2.3', log: new MemoryLog() });
    const place = { server: 'tcp://127.0.0.1:7777', login: 'dice' };
    const events: RuntimeEvent[] = [
      { type: 'connected', ...place, bots: ['dice'], files: ['/plugins/dice.ts'] },
      { type: 'heard', ...place, number: 1, from: 'änn', private: true, text: 'a\n"b"\u001B[2J \u{1F3B2}' },
      { type: 'said', ...place, bot: 'dice', to: 'änn', text: 'x'.repeat(100_000), cause: 'änn', answers: 1 },
      { type: 'said', ...place, text: '' },
      { type: 'request', ...place, from: 'bob' },
      { type: 'decided', ...place, from: 'bob', decision: 'refused' },
      { type: 'requested', ...place, to: 'bob', outcome: 'TIMED_OUT' },
      { type: 'closed', ...place, peer: 'bob', bytesReceived: 3, bytesSent: 4 },
      { type: 'reloaded', ...place, bot: 'dice' },
      { type: 'stopping', ...place },
    ];
    for (const event of events) recorder.observer(event);
    await recorder.close();
    const text = await readFile(file, 'utf8');
    expect(text).not.toContain('\u001B');
    const { header, events: found, truncated } = await read(text);
    expect(header).toMatchObject({ version: 1, chatosbot: '1.2.3' });
    expect(truncated).toBe(false);
    expect(found).toMatchObject(events);
    expect(found.map(({ line }) => line)).toEqual([2, 3, 4, 6, 7, 8, 9, 10, 11, 12]);
  });

  it.each([
    ['17 million characters', 'lorem ipsum dolor '.repeat(950_000)],
    ['2.9 million characters that grow six-fold as escapes', '\0'.repeat(2_900_000)],
    ['some lines that are full', 'x'.repeat(2 * 65_536)],
    ['pairs of surrogates, cut or alone', `x${'\u{1F3B2}'.repeat(40_000)}\uD83C${'\u{1F3B2}'.repeat(40_000)}\uDFB2`],
  ])('has a text of %s whole, in lines that a reader can take', async (_, text) => {
    const file = await newFile();
    const log = new MemoryLog();
    const recorder = await openRecording(file, { version: '1.2.3', log });
    const place = { server: 'tcp://127.0.0.1:7777', login: 'dice' };
    const said: RuntimeEvent = { type: 'said', ...place, bot: 'dice', to: 'ann', text, cause: 'ann', answers: 1 };
    // One of the large ones is more than may wait.
    const times = text.length > 1_000_000 ? 1 : 2;
    for (let time = 0; time < times; time += 1) recorder.observer(said);
    recorder.observer({ type: 'stopping', ...place });
    await recorder.close();
    expect(log.lines).toEqual([]);
    const content = await readFile(file, 'utf8');
    expect(content.split('\n').filter((line) => line.length > 512 * 1024)).toEqual([]);
    const { events, truncated } = await readRecording(bytes(content, 65_536), 'f');
    expect(truncated).toBe(false);
    expect(events.map(({ type }) => type)).toEqual([...Array.from({ length: times }, () => 'said'), 'stopping']);
    // Not `toMatchObject`: it would show 17 million characters.
    for (const event of events.slice(0, times)) expect(event.type === 'said' && event.text === text).toBe(true);
    expect({ ...events[0], text: '' }).toEqual({ ...said, text: '', line: 2, time: expect.any(String) });
  });

  it('may be cut off within a long text', async () => {
    const said = HEARD.replace(/"number".*/, '"text":"a","continues":true}').replace('heard', 'said');
    for (const rest of [said, said + said, said + said.slice(0, -9)]) {
      const { events, truncated } = await read(HEADER + HEARD + rest);
      expect(events).toMatchObject([{ type: 'heard' }]);
      expect(truncated).toBe(true);
    }
    const { events } = await read(HEADER + said + HEARD);
    expect(events).toMatchObject([{ type: 'heard', line: 3 }]);
  });

  it('is of use without a line of 48 MB, which takes no memory', async () => {
    /** Bytes of buffers in this process, without those that are garbage. */
    const held = async (): Promise<number> => {
      await heapBytes();
      return process.memoryUsage().arrayBuffers;
    };
    let after = Infinity;
    async function* withLongLines(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(HEADER + HEARD);
      for (let mib = 0; mib < 48; mib += 1) yield Buffer.alloc(2 ** 20, 'x');
      after = await held();
      yield Buffer.from(`\n${HEARD}`);
      for (let mib = 0; mib < 17; mib += 1) yield Buffer.alloc(2 ** 20, 'x');
    }
    const before = await held();
    const { events, ignored, truncated } = await readRecording(withLongLines(), 'f');
    expect(after - before).toBeLessThan(20 * 2 ** 20);
    expect(events.map(({ line }) => line)).toEqual([2, 4]);
    expect({ ignored, truncated }).toEqual({ ignored: [3, 5], truncated: false });
    const noHeader = readRecording(bytes(`${'x'.repeat(17 * 2 ** 20)}\n${HEADER}${HEARD}`, 65_536), 'f');
    await expect(noHeader).rejects.toThrow('f:1: not a recording');
  });

  it('is for its owner only, and never replaces a file', async () => {
    const file = await newFile();
    const log = new MemoryLog();
    await (await openRecording(file, { version: '1', log })).close();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await expect(openRecording(file, { version: '1', log })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: `cannot record to ${file}: it exists already; name a new file, or remove that one`,
    });
  });

  it('may be cut off in its last line', async () => {
    for (const rest of ['{"ti', HEARD.slice(0, -3), '{"text":"\u00E4']) {
      const { events, truncated } = await read(HEADER + HEARD + rest);
      expect(events).toHaveLength(1);
      expect(truncated).toBe(true);
    }
    expect(await read(HEADER + HEARD.trimEnd())).toMatchObject({ truncated: false, events: [{ text: 'hi' }] });
  });

  it.each([
    ['nothing', '', 'f:1: not a recording; expected what run --record has written'],
    ['something else', '{"key":1}\n', 'f:1: not a recording; expected what run --record has written'],
    ['no JSON', 'hello\nworld\n', 'f:1: not a recording; expected what run --record has written'],
    ['a newer one', HEADER.replace('1', '2'), 'f:1: a recording of version 2, and this chatosbot reads version 1'],
    ['a line that is broken', `${HEADER}{"ti\n${HEARD}`, /^f:2: .*JSON/],
    ['an empty line', `${HEADER}\n${HEARD}`, 'f:2: the line is empty'],
    ['an unknown event', HEADER + HEARD + HEARD.replace('heard', 'herd'), 'f:3: type: expected the type of an event'],
    ['a wrong text', HEADER + HEARD.replace('"hi"', '7'), 'f:2: text: expected a text'],
    ['a missing key', HEADER + HEARD.replace('"number":1,', ''), "f:2: 'number' is missing"],
    ['a login that nobody can have', HEADER + HEARD.replace('"ann"', '" ann"'), 'f:2: from: expected a login'],
    ['a wrong time', HEADER + HEARD.replace('09:00:01.000Z', 'nine'), 'f:2: time: expected a time as'],
    ['a list', `${HEADER}[]\n`, 'f:2: '],
  ])('is refused with its line where it is %s', async (_what, text, message) => {
    await expect(read(text)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(read(text)).rejects.toThrow(message);
  });

  it('ends where its disk is full, is told once, and costs nobody anything', async () => {
    const log = new MemoryLog();
    const full = new Writable({ write: (_chunk, _encoding, done) => done(new Error('no space left')) });
    const recorder = recordTo(full, 'f', { version: '1', log });
    const event: RuntimeEvent = { type: 'stopping', server: 's', login: 'dice' };
    recorder.observer(event);
    await log.until(/the recording ends here/);
    recorder.observer(event);
    await recorder.close();
    expect(log.lines).toEqual([
      expect.objectContaining({
        level: 'error',
        message: 'the recording ends here; the bots continue: no space left',
        fields: { file: 'f' },
      }),
    ]);
  });

  it('ends rather than have gaps where its disk is too slow', async () => {
    const log = new MemoryLog();
    const taken: string[] = [];
    let goOn = (): void => undefined;
    const slow = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        taken.push(String(chunk));
        goOn = done;
      },
      writev: (chunks, done) => {
        taken.push(...chunks.map(({ chunk }) => String(chunk)));
        done();
      },
    });
    const recorder = recordTo(slow, 'f', { version: '1', log, maxWaitingBytes: 1_000 });
    for (let i = 0; i < 100; i += 1) recorder.observer({ type: 'stopping', server: 's', login: `dice-${i}` });
    expect(log.about(/too slow/)).toHaveLength(1);
    goOn();
    await recorder.close();
    const { events } = await read(taken.join(''));
    expect(events.map(({ login }) => login)).toEqual(events.map((_, index) => `dice-${index}`));
    expect(events.length).toBeLessThan(20);
  });

  it('holds nothing that was refused before it was sent, and goes on', async () => {
    const server = await startServer();
    const file = await newFile();
    const log = new MemoryLog();
    const recorder = await openRecording(file, { version: '1', log });
    const codes: unknown[] = [];
    const long = 'x'.repeat(17_000_000);
    const longLogin = 'x'.repeat(100_000);
    const failed = (error: unknown): void => void codes.push((error as { code: string }).code);
    const { runtime } = await startBots(
      server,
      [
        {
          plugin: plugin('bot', {
            onMessage: async (message, ctx) => {
              await message.reply(long).catch(failed);
              await message.ask('\0'.repeat(2_900_000)).catch(failed);
              await ctx.tell(longLogin, 'hello').catch(failed);
              await ctx.request(longLogin).catch(failed);
              await message.ask('gone', { signal: AbortSignal.abort() }).catch(failed);
              await message.reply('sorry');
            },
          }),
        },
      ],
      { observer: recorder.observer },
    );
    const ann = await joinAs(server, 'ann');
    ann.tell('bot', 'hi');
    expect(await ann.next(4)).toMatchObject({ msg: 'sorry' });
    await runtime.stop();
    await recorder.close();
    expect(codes).toEqual(['QUEUE_FULL', 'QUEUE_FULL', 'INVALID_PACKET', 'INVALID_PACKET', 'ABORTED']);
    expect(log.lines).toEqual([]);
    const { events } = await read(await readFile(file, 'utf8'));
    expect(events.map((event) => [event.type, 'text' in event && event.text])).toEqual([
      ['connected', false],
      ['heard', 'hi'],
      ['said', 'sorry'],
      ['stopping', false],
    ]);
  });

  it('holds what bots hear and say, and whom they answer', async () => {
    const server = await startServer();
    const events: RuntimeEvent[] = [];
    const told = new Map<string, () => void>();
    const dice = plugin('dice', {
      onStart: (ctx) => ctx.say('here'),
      commands: { roll: { help: 'rolls', run: (_args: object, message: Message) => message.reply('4') } },
      onMessage: async (message, ctx) => {
        const { text } = await ctx.ask(message.from, 'sure?');
        await ctx.say(`${message.from} is ${text}`);
      },
    });
    const { runtime } = await startBots(server, [{ plugin: dice }], {
      observer: (event) => {
        events.push(event);
        if (event.type === 'said') told.get(event.text)?.();
      },
    });
    const said = (text: string): Promise<void> => new Promise((resolve) => told.set(text, resolve));
    const ann = await joinAs(server, 'ann');
    const over = said('ann is sure');
    ann.tell('dice', '!roll');
    ann.tell('dice', '!help roll');
    ann.say('hm');
    for (const expected of ['4', 'usage: !roll | rolls', 'sure?']) {
      expect(await ann.next(4)).toMatchObject({ msg: expected });
    }
    ann.tell('dice', 'sure');
    await over;
    await runtime.stop();
    const place = { server: `tcp://127.0.0.1:${server.port}`, login: 'dice' };
    expect(events).toEqual(
      [
        { type: 'connected', bots: ['dice'], files: ['/plugins/dice.ts'] },
        { type: 'said', bot: 'dice', text: 'here' },
        { type: 'heard', number: 1, from: 'ann', private: true, text: '!roll' },
        { type: 'said', bot: 'dice', to: 'ann', text: '4', cause: 'ann', answers: 1 },
        { type: 'heard', number: 2, from: 'ann', private: true, text: '!help roll' },
        { type: 'said', to: 'ann', text: 'usage: !roll | rolls', cause: 'ann', answers: 2 },
        { type: 'heard', number: 3, from: 'ann', private: false, text: 'hm' },
        { type: 'said', bot: 'dice', to: 'ann', text: 'sure?', cause: 'ann', answers: 3 },
        { type: 'heard', number: 4, from: 'ann', private: true, text: 'sure' },
        { type: 'said', bot: 'dice', text: 'ann is sure', cause: 'ann', answers: 3 },
        { type: 'stopping' },
      ].map((event) => ({ ...place, ...event })),
    );
  });
});
