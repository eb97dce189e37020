import { rmSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Command } from '../support/command.ts';
import { ownPort } from '../support/own-port.ts';
import { readAll } from '../support/rfc-peer.ts';
import { LAB, labFile, start } from './chatosbot.ts';
import { ask, peer } from './peers.ts';
import { serverHere } from './server-here.ts';

/** Counts its starts in its store, posts every second how often it has, and takes private connections. */
const BOT = `
export const schedule = {
  tick: {
    cron: '* * * * * *',
    catchUp: 'last',
    run: async (bot, tick) => bot.say('tick ' + tick.due.toISOString() + ' ' + (await bot.store.update('n', (n = 0) => n + 1))),
  },
};
export const onMessage = (message) => message.reply(String(process.pid));
export const onPrivateRequest = () => true;
export const onChannel = (channel) => channel.resume().end(String(process.pid));
`;

beforeAll(() => {
  labFile('standby/bot.mjs', BOT);
});

/** Two processes of the same configuration; resolves when the first runs and the second stands by. */
async function startPair(args: readonly string[]): Promise<{ first: Command; second: Command; port: number }> {
  rmSync(path.join(LAB, 'standby/.chatosbot'), { recursive: true, force: true });
  const all = ['run', '--config', '../standby/chatosbot.config.yaml', ...args];
  const first = start(all);
  const [, port] = await first.line(/^bot: logged in as bot on tcp:\/\/127\.0\.0\.1:(\d+)/);
  const second = start([...all, '--standby']);
  await second.line(/standing by: /);
  return { first, second, port: Number(port) };
}

describe.each([
  ['with a server elsewhere', 'SIGKILL', 'SIGINT'],
  ['with the server in the process', 'SIGTERM', 'SIGTERM'],
] as const)('run --standby %s', (where, signal, stopSignal) => {
  async function startHere(): Promise<{ first: Command; second: Command; port: number }> {
    const port = where.includes('elsewhere') ? (await serverHere()).port : await ownPort();
    labFile('standby/chatosbot.config.yaml', `bots: [./bot.mjs]\nserve: { listen: ['127.0.0.1:${port}'] }\n`);
    return startPair(where.includes('elsewhere') ? ['--server', `127.0.0.1:${port}`] : []);
  }

  test(`takes over within seconds when the first ends by ${signal}`, async () => {
    const { first, second, port } = await startHere();
    let alice = await peer(port, 'alice');
    const ticks: string[] = [];
    const hearTick = async (): Promise<string> => {
      const { msg } = await alice.next(3, { timeoutMs: 10_000 });
      return (ticks.push(msg), msg);
    };
    await hearTick();
    first.kill(signal);
    await second.line(/^bot: logged in as bot/, 'stderr', 6_000);
    if (where.includes('process')) alice = await peer(port, 'alice');
    alice.tell('bot', 'who?');
    expect(await alice.next(4)).toMatchObject({ msg: String(second.pid) });
    const { half } = await ask(alice, port, 'bot');
    expect(String(await readAll(half))).toBe(String(second.pid));
    half.end();
    await hearTick();
    await hearTick();
    const fields = ticks.map((text) => text.split(' '));
    const dues = fields.map(([, due]) => due!);
    // What was posted in the moment of the kill may be posted again: that it was done could not be noted any more.
    expect(new Set(dues).size).toBeGreaterThanOrEqual(signal === 'SIGKILL' ? dues.length - 1 : dues.length);
    const counts = fields.map(([, , count]) => Number(count));
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    expect(new Set(counts).size).toBe(counts.length);
    second.kill('SIGINT');
    expect(await second.exit()).toMatchObject({ status: 0 });
    expect(second.stderr).not.toMatch(/ (warn|error) /);
  });

  test(`ends at once on ${stopSignal} while it stands by`, async () => {
    const { second } = await startHere();
    second.kill(stopSignal);
    expect(await second.exit(2_000)).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(new RegExp(`\\nstopping on ${stopSignal}\\nstopped\\n$`)),
    });
  });
});
