import { describe, expect, it } from 'vitest';
import type { Command } from '../../../src/bot/plugin/commands.ts';
import { createBots, joinAs, plugin, startBots, startServer } from '../../support/bot-world.ts';

/** A plugin whose commands answer with its name. */
function commanding(name: string, ...commands: string[]) {
  const command: Command = { help: 'answers', run: (_, message) => message.reply(name) };
  return plugin(name, { commands: Object.fromEntries(commands.map((each) => [each, command])) });
}

const shared = (...plugins: ReturnType<typeof plugin>[]) => plugins.map((each) => ({ plugin: each, login: 'bot' }));

describe('two plugins of an account with the same command', () => {
  it('are told about with both names and the command, and the first is called', async () => {
    const server = await startServer();
    const { log } = await startBots(server, shared(commanding('dice', 'roll'), commanding('bread', 'bake', 'Roll')));
    expect(log.about(/never gets/)).toMatchObject([
      {
        level: 'warn',
        message: 'bread never gets !roll: dice, which comes first, has it too',
        fields: { login: 'bot' },
      },
    ]);
    const alice = await joinAs(server, 'alice');
    alice.tell('bot', '!roll');
    expect(await alice.next(4)).toMatchObject({ msg: 'dice' });
  });

  it('are told about in one line, however many commands they share', async () => {
    const specs = shared(commanding('one', 'a', 'b', 'c'), commanding('two', 'c', 'b'));
    const { log } = createBots(await startServer(), specs, { commandPrefix: '//' });
    expect(log.about(/never gets/).map(({ message }) => message)).toEqual([
      'two never gets //c, //b: one, which comes first, has them too',
    ]);
  });

  it.each([
    { reloaded: 'second', index: 1 },
    { reloaded: 'first', index: 0 },
  ])('are told about when the $reloaded of them gets it by a reload', async ({ index }) => {
    const names = ['dice', 'bread'];
    const before = names.map((name, at) => commanding(name, at === index ? 'other' : 'roll'));
    const { runtime, log } = await startBots(await startServer(), shared(...before));
    expect(log.about(/never gets/)).toEqual([]);
    await runtime.reload(index, commanding(names[index]!, 'roll'));
    expect(log.about(/never gets/).map(({ message }) => message)).toEqual([
      'bread never gets !roll: dice, which comes first, has it too',
    ]);
  });

  it('are no matter where their accounts are two', async () => {
    const specs = [{ plugin: commanding('one', 'roll') }, { plugin: commanding('two', 'roll') }];
    const { log } = createBots(await startServer(), specs);
    expect(log.lines).toEqual([]);
  });
});
