/**
 * Run as a process of its own: runs a plugin in a worker, with a private connection, reloads it, ends it or not, and says
 * as a line of JSON what is left. Then it must end by itself.
 */
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { BotRuntime } from '../../../src/bot/runtime.ts';
import { IsolatedBot } from '../../../src/bot/isolation/isolated-bot.ts';
import { announcementsPlugin } from '../../../src/bot/announcements.ts';
import { ChatosClient } from '../../../src/client/index.ts';
import { PLUGIN_WORKER } from '../../../src/plugin-modules.ts';
import { ChatosServer } from '../../../src/server/server.ts';
import { SILENT_LOGGER } from '../../../src/util/log.ts';

/** Reloads, each with a private connection that is open while it happens. */
export const RELOADS = 4;

const [file = ''] = process.argv.slice(2);
const count = (): Record<string, number> => {
  const left: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) {
    if (/Worker|MessagePort|TCP|Timeout/.test(name)) left[name] = (left[name] ?? 0) + 1;
  }
  return left;
};

/** The first time that something is counted as it should be; else as it was last, after half a minute. */
async function settled<T>(look: () => T, expected: T): Promise<T> {
  for (let tries = 0; tries < 1_500 && JSON.stringify(look()) !== JSON.stringify(expected); tries += 1) await pause(20);
  return look();
}

const server = new ChatosServer();
const address = await server.listen({ host: '127.0.0.1', port: 0, longBytes: 4 });
const stateDirectory = path.join(tmpdir(), `chatosbot-test-${process.pid}`);
const isolated = new IsolatedBot({ file, options: {}, entry: PLUGIN_WORKER, log: SILENT_LOGGER });
await isolated.load();
const plugin = announcementsPlugin([]);
const group = new BotRuntime([{ plugin, isolated, login: 'echo', server: address }], { stateDirectory });
await group.start();
const alice = await ChatosClient.connect({ server: address, login: 'alice' });
const reload = async (): Promise<void> => {
  await isolated.load();
  await group.reload(0, plugin, { options: {}, timeoutMs: 1_000 });
};
const talk = async (word: string): Promise<string> => {
  const channel = await alice.request('echo');
  channel.write(word);
  const [first] = (await once(channel, 'data')) as [Buffer];
  await reload();
  // The version that it began with has it to its end.
  const closed = once(channel, 'close');
  channel.resume().end();
  await closed;
  return String(first);
};
const answers: string[] = [];
const counts: string[] = [];
const before = count();
for (let round = 0; round < RELOADS; round += 1) {
  answers.push(await talk(`round ${round}`));
  counts.push(JSON.stringify(await settled(count, before)));
}
await alice.close();
await group.stop();
await server.close();
await rm(stateDirectory, { recursive: true, force: true });
const left = await settled(count, {});
process.stdout.write(JSON.stringify({ answers, same: new Set(counts).size === 1, counts, left }));
