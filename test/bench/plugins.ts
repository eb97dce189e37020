import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadPlugin } from '../../src/bot/loading/loader.ts';
import { createModuleLoader } from '../../src/bot/loading/module-loader.ts';
import { PLUGIN_MODULES } from '../../src/plugin-modules.ts';
import { startBots, type BotProcess } from './servers/bot-processes.ts';
import { median, printTable, residentMiB } from './measure.ts';
import { startChatos } from './servers/processes.ts';

const PLUGINS = 100;
const WORKERS = 10;
const RELOADS = 200;

/** What a plugin of some size looks like: a command, a schedule, a hook, and a file that it imports. */
const PLUGIN = `
import { defineBot } from 'chatosbot';
import { greeting } from './words.ts';
export default defineBot({
  commands: { hello: { help: 'greets', run: (_args, message) => message.reply(greeting) } },
  schedule: { hourly: { cron: '0 * * * *', run: (ctx) => ctx.say(greeting) } },
  onMessage: (message) => { if (message.text === greeting) throw new Error(); },
});
`;
const WORDS = `export const greeting: string = 'good morning';`;

/** What one more plugin costs in memory, in the main thread and in a worker; and how long it takes to load one anew. */
export async function benchPlugins(rounds: number): Promise<void> {
  const server = await startChatos();
  try {
    const address = `127.0.0.1:${server.port}`;
    const memory = async (count: number, isolated: boolean): Promise<number> => {
      const bots = await start(address, count, isolated);
      const mib = residentMiB(bots.pid);
      await bots.stop();
      return mib;
    };
    const [inMain, inWorkers, reloads]: number[][] = [[], [], []];
    for (let round = 0; round < rounds; round++) {
      const one = await memory(1, false);
      inMain!.push(((await memory(1 + PLUGINS, false)) - one) / PLUGINS);
      inWorkers!.push(((await memory(WORKERS, true)) - (await memory(0, true))) / WORKERS);
      reloads!.push(...(await timeReloads()));
    }
    printTable('plugins', [
      ['a plugin more, KiB of RSS', (median(inMain!) * 1024).toFixed(0)],
      ['a plugin more in a worker, MiB of RSS', median(inWorkers!).toFixed(1)],
      [`a reload of two files, ms (p50 of ${RELOADS * rounds})`, median(reloads!).toFixed(2)],
    ]);
  } finally {
    await server.stop();
  }
}

function start(server: string, count: number, isolated: boolean): Promise<BotProcess> {
  const files: Record<string, string> = { 'words.ts': WORDS, 'bot.ts': PLUGIN };
  const bots: object[] = [{ path: './bot.ts', login: 'bot' }];
  for (let i = isolated ? 0 : 1; i < count; i++) {
    files[`plugin-${i}.ts`] = PLUGIN;
    const own = isolated ? { login: `bot-${i}`, isolate: 'worker' } : { login: 'bot' };
    bots.push({ path: `./plugin-${i}.ts`, ...own });
  }
  return startBots(server, files, bots);
}

async function timeReloads(): Promise<number[]> {
  const cwd = mkdtempSync(path.join(tmpdir(), 'chatosbot-bench-'));
  try {
    const file = path.join(cwd, 'bot.ts');
    writeFileSync(file, PLUGIN);
    const loader = createModuleLoader(PLUGIN_MODULES);
    const times: number[] = [];
    for (let i = 0; i < RELOADS; i++) {
      // A new text each time: what is compiled already would be no test.
      writeFileSync(path.join(cwd, 'words.ts'), `${WORDS}\n// ${i}`);
      const startedAt = performance.now();
      await loadPlugin(file, loader);
      times.push(performance.now() - startedAt);
    }
    return times;
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}
