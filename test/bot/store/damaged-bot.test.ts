import { rmSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { storeDirectory } from '../../../src/bot/store/directory.ts';
import { repairStore } from '../../../src/bot/store/repair.ts';
import { defineBot } from '../../../src/index.ts';
import { TestNetwork } from '../../../src/testing/index.ts';
import { loggerTo } from '../../../src/util/log.ts';
import { LAB, pluginStore } from './stores.ts';

/** A bot that counts what it hears, and logs to `lines`. */
async function startCounter(net: TestNetwork, name: string, lines: string[]): Promise<void> {
  const bot = defineBot({
    name,
    async onMessage(message, { store }) {
      await message.reply(String(await store.update<number>('count', (old = 0) => old + 1)));
    },
  });
  await net.bot(bot, { log: loggerTo((_, line) => lines.push(line)) });
}

test('a bot whose store is damaged reports it with the command that repairs it, and the others go on', async () => {
  const stateDirectory = path.join(LAB, 'damaged state');
  const directory = storeDirectory(stateDirectory, 'damaged@damaged');
  const before = pluginStore({ directory });
  await before.store.set('count', 41);
  await before.close();
  rmSync(path.join(directory, 'CURRENT'));

  await using net = await TestNetwork.start({ stateDirectory });
  const lines: string[] = [];
  await startCounter(net, 'damaged', lines);
  await startCounter(net, 'sound', lines);
  const alice = await net.user('alice');
  await alice.tell('damaged', 'hi');
  await alice.tell('sound', 'hi');
  await alice.expects('1');
  await alice.expectsNothing();
  const command = `chatosbot store repair damaged@damaged --state '${stateDirectory}'`;
  expect(lines.filter((line) => line.includes('damaged'))).toEqual([
    `onMessage failed: the store in ${directory} is damaged (the file CURRENT is missing): stop its bot, and run: ${command}`,
  ]);

  // Nothing of the bot has the files open: once they are repaired, it continues.
  await repairStore(directory, `${directory}-kept`);
  await alice.tell('damaged', 'hi');
  await alice.expects('42');
});
