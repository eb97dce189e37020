import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { tempDirectory } from '../../support/bot-files.ts';
import { endOf, joinAs, openChannel, startServer, WIDTHS } from '../../support/bot-world.ts';
import type { IsolationOptions } from '../../../src/bot/isolation/options.ts';
import { ISOLATED_TIMEOUT_MS, startIsolated } from '../../support/isolated-bots.ts';
import { openHalf, readAll, type LongBytes } from '../../support/rfc-peer.ts';

vi.setConfig({ testTimeout: ISOLATED_TIMEOUT_MS });

async function world(onChannel: string, width: LongBytes = 4, isolation: IsolationOptions = {}) {
  const server = await startServer(width);
  const { group, log } = await startIsolated(
    server,
    `
    export const onPrivateRequest = () => true;
    let heard = () => {};
    export async function onMessage(message) {
      await message.reply('alive');
      heard();
    }
    export async function onChannel(channel, bot) {
      for (const event of ['end', 'error', 'close']) {
        channel.on(event, (error) => bot.log.info('event ' + event, { code: error?.code, closedByPeer: channel.closedByPeer }));
      }
      ${onChannel}
    }
  `,
    isolation,
  );
  const alice = await joinAs(server, 'alice');
  return { alice, group, log, open: () => openChannel(alice, server) };
}

const pattern = (length: number): Buffer =>
  Buffer.alloc(length, Buffer.from(Array.from({ length: 241 }, (_, index) => (index * 13) % 241)));

async function fill(half: Socket): Promise<number> {
  let written = 0;
  const chunk = Buffer.alloc(256 * 1024);
  // Until nothing has gone for a while: then everything between is full.
  for (;;) {
    const drained = half.write(chunk) || (await Promise.race([once(half, 'drain'), idle(half)]));
    written += chunk.length;
    if (drained === 'idle') return written;
  }
}

/** Resolves when the socket has sent nothing for half a second. */
async function idle(half: Socket): Promise<'idle'> {
  for (let before = -1; before !== half.bytesWritten - half.writableLength;) {
    before = half.bytesWritten - half.writableLength;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  return 'idle';
}

describe.each(WIDTHS)('a private connection of a plugin in a worker, LONG of %i bytes', (width) => {
  it('is broken off where its thread waits outside of JavaScript and cannot be ended', async () => {
    const gate = path.join(await tempDirectory(), 'gate');
    execFileSync('mkfifo', [gate]);
    let opened: Promise<void> | undefined;
    const letGo = () => (opened ??= writeFile(gate, ''));
    onTestFinished(letGo);
    const { open, log } = await world(
      `channel.once('data', () => process.getBuiltinModule('node:fs').readFileSync(${JSON.stringify(gate)}));`,
      width,
      { stallMs: 100 },
    );
    const { half } = await open();
    half.write('hello');
    expect(await endOf(half)).toBe('reset');
    expect(await log.until(/busy outside JavaScript/)).toMatchObject({ fields: { plugin: 'bot' } });
    // While it is, the process could not end by itself; from then on, it can.
    const killers = () => process.listeners('exit').filter(({ name }) => name === 'killProcess');
    expect(killers()).toHaveLength(1);
    await letGo();
    await expect.poll(killers).toEqual([]);
  });

  it('is broken off where a listener throws, which is reported', async () => {
    const { open, log } = await world(`channel.on('data', () => { throw new Error('no listener'); });`);
    const { half } = await open();
    half.write('hello');
    expect(await endOf(half)).toBe('reset');
    expect(await log.until(/^uncaught: no listener/)).toMatchObject({ fields: { hook: 'onChannel', peer: 'alice' } });
  });

  it('is a channel as any: who, which side, the id, the bytes, and an end for each direction', async () => {
    const { open, log } = await world(
      `
      const { peer, role, connectId } = channel;
      channel.write([peer, role, connectId].join() + ';');
      let size = 0;
      for await (const chunk of channel) size += chunk.length;
      channel.end([size, channel.bytesReceived, channel.inputEnded, channel.constructor.name].join());
    `,
      width,
    );
    const { half, connectId } = await open();
    half.end(Buffer.alloc(3_000_000));
    const text = `alice,target,${connectId};3000000,3000000,true,Channel`;
    expect(String(await readAll(half))).toBe(text);
    expect(await log.until(/^event close$/)).toBeDefined();
    expect(log.about(/^event error$/)).toEqual([]);
  });
});

describe('a private connection of a plugin in a worker', () => {
  it('gives back every byte that it is sent, in order', async () => {
    const { open } = await world(`channel.pipe(channel);`);
    const { half } = await open();
    const sent = pattern(5_000_000);
    const back = readAll(half);
    half.end(sent);
    expect((await back).equals(sent)).toBe(true);
  });

  it('holds its peer up while the plugin does not read, and goes on when it does', async () => {
    const { open, alice, log } = await world(`
      let size = 0;
      heard = () => {
        channel.on('data', (chunk) => (size += chunk.length));
        channel.on('end', () => channel.end(String(size)));
      };
    `);
    const { half } = await open();
    const written = await fill(half);
    expect(written).toBeLessThan(40 * 1024 * 1024);
    expect(log.about(/^event (error|close)$/)).toEqual([]);
    alice.tell('bot', 'read');
    expect((await alice.next(4)).msg).toBe('alive');
    half.end();
    expect(String(await readAll(half))).toBe(String(written));
  });

  it('is broken for the peer where the plugin destroys it, where its hook throws, and where its worker ends', async () => {
    const { open } = await world(`
      for await (const chunk of channel) {
        if (String(chunk) === 'destroy') channel.destroy();
        if (String(chunk) === 'throw') throw new Error('no more');
        if (String(chunk) === 'exit') process.exit(1);
      }
    `);
    for (const word of ['destroy', 'throw', 'exit']) {
      const { half } = await open();
      const end = endOf(half);
      half.write(word);
      expect([word, await end]).toEqual([word, 'reset']);
    }
  });

  it('that the peer breaks is an error for the plugin, never an end of file', async () => {
    const { open, log } = await world(`channel.on('data', () => channel.write('got it'));`);
    const { half } = await open();
    half.write('hello');
    await once(half, 'data');
    half.resetAndDestroy();
    expect(await log.until(/^event error$/)).toMatchObject({ fields: { code: 'CHANNEL_ABORTED' } });
    await log.until(/^event close$/);
    expect(log.about(/^event end$/)).toEqual([]);
  });

  it('is ended by close(): the peer gets packet 12 and the end', async () => {
    const { open, alice, log } = await world(`await channel.close(); bot.log.info('closed');`);
    const { half } = await open();
    half.on('error', () => undefined).resume();
    expect(await alice.next(12)).toMatchObject({ target: 'bot' });
    await log.until(/^closed$/);
    expect(log.about(/^event error$/)).toEqual([]);
  });

  it('that the peer closed by packet 11 is told so, and has read what came before', async () => {
    const { open, alice, log } = await world(`
      let text = '';
      for await (const chunk of channel) {
        text += chunk;
        channel.write('.');
      }
      bot.log.info('read ' + text);
    `);
    const { half, connectId } = await open();
    half.write('all of it');
    await once(half, 'data');
    alice.close(connectId, 'alice', 'bot');
    await log.until(/^read all of it$/);
    expect(await log.until(/^event close$/)).toMatchObject({ fields: { closedByPeer: true } });
  });

  it('that the plugin asked for is one too, and a refusal has its code', async () => {
    const server = await startServer();
    await startIsolated(
      server,
      `
      export async function onMessage(message, bot) {
        try {
          const channel = await bot.request(message.from);
          channel.end('for ' + channel.peer + ' of the ' + channel.role);
        } catch (error) {
          await message.reply(error.code);
        }
      }
    `,
    );
    const alice = await joinAs(server, 'alice');
    alice.tell('bot', 'go');
    await alice.next(5);
    alice.ko('bot');
    expect((await alice.next(4)).msg).toBe('REQUEST_REFUSED');
    alice.tell('bot', 'again');
    await alice.next(5);
    alice.ok('bot');
    const half = await openHalf(server.port, (await alice.next(8)).connectId);
    onTestFinished(() => void half.destroy());
    half.end();
    expect(String(await readAll(half))).toBe('for alice of the requester');
  });

  it('is given time to finish when the bots stop', async () => {
    const { open, group } = await world(`channel.pipe(channel);`);
    const { half } = await open();
    half.write('before;');
    await once(half, 'readable');
    const stopped = group.stop({ timeoutMs: 10_000 });
    half.end('after');
    expect(String(await readAll(half))).toBe('before;after');
    await stopped;
  });
});
