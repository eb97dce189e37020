import { readdirSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, onTestFinished, test } from 'vitest';
import { BotRuntime } from '../../../src/bot/runtime.ts';
import { BotLoader } from '../../../src/cli/running/bot-entries.ts';
import { planBots } from '../../../src/cli/running/bot-plans.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { joinAs, openChannel, startServer } from '../../support/bot-world.ts';
import { tempDirectory, writeText } from '../../support/bot-files.ts';

// V8 keeps the text of every script that it compiles until memory is short: that is no leak, but looks like one.
setFlagsFromString('--no-compilation-cache');
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** A plugin of all parts, and so large that each version that is kept would be seen. */
const version = (number: number): string => `
import { defineBot } from 'chatosbot';
import { word } from './lib.ts';
const ballast = Array.from({ length: 10_000 }, (_, index) => ({ index }));
export default defineBot({
  commands: { roll: { help: 'Rolls.', run: (_, message) => message.reply(word) } },
  schedule: {
    tick: { cron: '* * * * * *', run: () => {} },
    last: { cron: '*/5 * * * *', catchUp: 'last', run: () => {} },
  },
  onPrivateRequest: () => true,
  onChannel: (channel) => void channel.pipe(channel),
  onStop: () => {},
  async onStart(bot) {
    bot.signal.addEventListener('abort', () => ballast.length);
    bot.schedule({ cron: '0 * * * *' }, () => {});
    await bot.store.set('version', ${number});
  },
  onMessage: (message) => message.reply('v${number} ' + ballast.length),
});
`;

test('60 reloads leave no listeners, timers, jobs, handles, files or memory behind', { timeout: 180_000 }, async () => {
  const directory = await tempDirectory();
  await writeText(directory, 'lib.ts', "export const word: string = 'six';");
  await writeText(directory, 'bot.ts', version(0));
  const server = await startServer();
  const loaded = await loadConfig({ file: await writeText(directory, 'c.yaml', 'bots: [./bot.ts]\n') });
  const [plan] = planBots([], loaded);
  const loader = new BotLoader(loaded);
  const limits = { flood: false, loopGuard: false } as const;
  const runtime = new BotRuntime([{ ...(await loader.load(plan!)), server }], {
    stateDirectory: directory,
    ...limits,
  });
  onTestFinished(() => runtime.stop({ timeoutMs: 0 }));
  await runtime.start();
  const alice = await joinAs(server, 'alice');
  await openChannel(alice, server);
  const count = () => {
    const [{ plugins, channels }] = runtime.status.accounts as [(typeof runtime.status.accounts)[0]];
    return {
      plugins: plugins.length,
      jobs: plugins[0]!.jobs.length,
      channels: channels.length,
      listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
      resources: process
        .getActiveResourcesInfo()
        // What was asked of the file system last stays until it is collected.
        .filter((name) => name !== 'Immediate' && name !== 'FSReqPromise')
        .toSorted(),
      files: readdirSync('/proc/self/fd').length,
    };
  };
  const reload = async (number: number): Promise<void> => {
    await writeText(directory, 'bot.ts', version(number));
    const { plugin, options } = await loader.load(plan!);
    await runtime.reload(0, plugin, { options });
    alice.tell('bot', 'version?');
    expect(await alice.next(4)).toMatchObject({ msg: `v${number} 10000` });
  };
  const measure = async (): Promise<number> => {
    for (let round = 0; round < 2; round += 1) {
      collectGarbage();
      await setImmediate();
    }
    return process.memoryUsage().heapUsed;
  };
  for (let number = 1; number <= 20; number += 1) await reload(number);
  const [before, heapBefore] = [count(), await measure()];
  for (let number = 21; number <= 60; number += 1) await reload(number);
  const [after, heapAfter] = [count(), await measure()];
  expect(after).toEqual(before);
  expect(after).toMatchObject({ plugins: 1, jobs: 3, channels: 1 });
  expect(process.getActiveResourcesInfo().filter((name) => name === 'FSReqPromise').length).toBeLessThan(5);
  // One version takes about 0.5 MB: forty would be 20.
  expect(heapAfter - heapBefore).toBeLessThan(2_000_000);
});
