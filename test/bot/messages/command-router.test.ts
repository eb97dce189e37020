import { describe, expect, it } from 'vitest';
import { defineBot, type BotPlugin } from '../../../src/bot/plugin/plugin.ts';
import type { RuntimeOptions } from '../../../src/bot/runtime-options.ts';
import { ChatosError } from '../../../src/errors.ts';
import { joinAs, plugin, signalled, startBots, startServer } from '../../support/bot-world.ts';

const dice = defineBot({
  commands: {
    roll: {
      help: 'rolls a die',
      args: { sides: { type: 'integer', min: 2, max: 100, default: 6, help: 'how many sides it has' } },
      examples: { '!roll 20': /\d/ },
      run: ({ sides }, message) => message.reply(`a die of ${sides}`),
    },
    Toss: { help: 'tosses a coin', run: (_, message) => message.reply('heads') },
  },
});

async function talking(parts: Record<string, BotPlugin>, options?: RuntimeOptions) {
  const server = await startServer();
  const specs = Object.entries(parts).map(([name, each]) => ({ plugin: plugin(name, each), login: 'bot' }));
  const bots = await startBots(server, specs, options);
  const alice = await joinAs(server, 'alice');
  /** Says something to the bot alone; resolves to its answer. */
  const ask = async (text: string): Promise<string> => {
    alice.tell('bot', text);
    return (await alice.next(4)).msg;
  };
  return { ...bots, server, alice, ask };
}

describe('a command', () => {
  it('gets its arguments, in any case of its name, in private and in public', async () => {
    const { ask, alice } = await talking({ dice: dice });
    expect(await ask('!roll')).toBe('a die of 6');
    expect(await ask('!ROLL 20')).toBe('a die of 20');
    expect(await ask('!toss')).toBe('heads');
    alice.say('!Roll 8');
    await alice.next(3);
    expect(await alice.next(3)).toMatchObject({ login: 'bot', msg: 'a die of 8' });
  });

  it('is answered with what is wrong and the usage', async () => {
    const { ask } = await talking({ dice: dice });
    expect(await ask('!roll 1')).toBe("sides must be a whole number from 2 to 100, not '1'; usage: !roll [sides]");
    expect(await ask('!toss twice')).toBe("there is nothing to do with 'twice'; usage: !toss");
  });

  it('reaches its plugin alone, and no onMessage', async () => {
    const heard: string[] = [];
    const listener: BotPlugin = { onMessage: ({ text }) => void heard.push(text) };
    const other = defineBot({ commands: { ping: { help: 'pings', run: (_, message) => message.reply('pong') } } });
    const { ask } = await talking({ dice: dice, listener, other: other });
    expect(await ask('!ping')).toBe('pong');
    expect(await ask('!roll')).toBe('a die of 6');
    expect(heard).toEqual([]);
  });

  it('begins with the prefix that is configured', async () => {
    const heard: string[] = [];
    const { ask, alice } = await talking(
      { dice: dice, listener: { onMessage: ({ text }) => void heard.push(text) } },
      { commandPrefix: '//' },
    );
    alice.tell('bot', '!roll');
    expect(await ask('//roll')).toBe('a die of 6');
    expect(heard).toEqual(['!roll']);
  });

  it('has its help however the letters of the prefix are written', async () => {
    const { ask } = await talking({ dice: dice }, { commandPrefix: '!Bot' });
    const help = await ask('!Bothelp roll');
    expect(help).toContain('usage: !Botroll');
    expect(await ask('!Bothelp !Botroll')).toBe(help);
  });

  it('is found however its letters are composed', async () => {
    const cafe = defineBot({ commands: { café: { help: 'coffee', run: (_, message) => message.reply('noir') } } });
    const { ask } = await talking({ cafe: cafe });
    expect(await ask(`!${'café'.normalize('NFD')}`)).toBe('noir');
  });
});

describe('a command that fails', () => {
  it('is answered once where it was said, without what went wrong', async () => {
    const failing = defineBot({
      commands: {
        break: { help: 'breaks', run: () => Promise.reject(new Error('secret path')) },
        full: { help: 'has no room', run: () => Promise.reject(new ChatosError('STORE_FULL', 'secret limit')) },
        work: { help: 'works', run: (_, message) => message.reply('done') },
      },
    });
    const { alice, ask, runtime } = await talking({ failing });
    for (const text of ['!break', '!full']) expect(await ask(text)).toBe('Something went wrong.');
    expect(await ask('!work')).toBe('done');
    alice.say('!break');
    await alice.next(3);
    expect(await alice.next(3)).toMatchObject({ login: 'bot', msg: 'Something went wrong.' });
    expect(runtime.status.accounts[0]!.plugins[0]!.failures).toBe(3);
  });

  it('says nothing where its plugin is stopping', async () => {
    const begun = signalled();
    const hanging = defineBot({
      commands: {
        hang: {
          help: 'waits for the end',
          run: async (_, __, { signal }) => {
            begun.resolve();
            await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
          },
        },
      },
      onStop: (ctx) => ctx.tell('alice', 'goodbye'),
    });
    const { alice, runtime } = await talking({ hanging });
    alice.tell('bot', '!hang');
    await begun.promise;
    await runtime.stop();
    expect((await alice.next(4)).msg).toBe('goodbye');
  });
});

describe('!help', () => {
  it('lists the commands of all plugins, to the asker alone', async () => {
    const other = defineBot({
      commands: {
        ping: { help: 'pings', run: () => undefined },
        roll: { help: 'never reached: the first has it', run: () => undefined },
      },
    });
    const { alice } = await talking({ dice: dice, other: other });
    alice.say('!HELP');
    const { msg } = await alice.next(4);
    expect(msg).toBe(
      'Commands: !roll [sides] - rolls a die | !toss - tosses a coin | !ping - pings | !help <command> tells more',
    );
  });

  it.each(['!help roll', '!help !ROLL', '!help  Roll '])('tells more about one: %j', async (asked) => {
    const { ask } = await talking({ dice: dice });
    expect(await ask(asked)).toBe(
      'usage: !roll [sides] | rolls a die | sides: how many sides it has, a whole number from 2 to 100, default 6 | ' +
        'for example: !roll 20',
    );
  });

  it('guesses what was meant', async () => {
    const { ask } = await talking({ dice: dice });
    expect(await ask('!help rol')).toBe('There is no such command; did you mean roll?');
    expect(await ask('!help weather')).toBe('There is no such command.');
  });

  it('is no command where there are none', async () => {
    const heard: string[] = [];
    const { alice, ask } = await talking({
      listener: { onMessage: (message) => (heard.push(message.text), message.reply('heard')) },
    });
    expect(await ask('!help')).toBe('heard');
    expect(heard).toEqual(['!help']);
    alice.destroy();
  });

  it('never begins a message with the prefix, however long it is', async () => {
    const commands = Object.fromEntries(
      Array.from({ length: 60 }, (_, i) => [
        `command${i}`,
        { help: 'does something, and says so at length', run: () => undefined },
      ]),
    );
    const { alice } = await talking({ many: { commands } });
    alice.tell('bot', '!help');
    let all = '';
    while (!all.includes('tells more')) {
      const { msg } = await alice.next(4);
      expect(msg).toMatch(/^(Commands|… )/);
      expect(Buffer.byteLength(msg)).toBeLessThanOrEqual(1024);
      all += `${msg} `;
    }
    for (const name of Object.keys(commands)) expect(all).toContain(`!${name} `);
  });
});

describe('what is no command', () => {
  it('is guessed where it is nearly one', async () => {
    const { ask } = await talking({ dice: dice, listener: { onMessage: () => undefined } });
    expect(await ask('!rol 20')).toBe('There is no such command; did you mean !roll?');
    expect(await ask('!hlep')).toBe('There is no such command; did you mean !help?');
  });

  it('is a message like any other where it is not near one', async () => {
    const { ask } = await talking({
      dice: dice,
      listener: { onMessage: (message) => message.reply(`heard ${message.text}`) },
    });
    expect(await ask('!weather')).toBe('heard !weather');
    expect(await ask('!')).toBe('heard !');
    expect(await ask('! roll')).toBe('heard ! roll');
    expect(await ask(`!${'x'.repeat(1000)}`)).toMatch(/^heard !xxx/);
  });

  it('is told in private where no plugin would hear it, and passed over in public', async () => {
    const { ask, alice } = await talking({ dice: dice });
    alice.say('!weather');
    expect(await alice.next(3)).toMatchObject({ login: 'alice' });
    expect(await ask('!weather')).toBe('There is no such command; !help lists them.');
  });
});

describe('an answer about commands', () => {
  it('never begins with the prefix, whatever the peer said', async () => {
    const { ask } = await talking({ dice: dice });
    for (const text of ['!roll !toss', '!toss !roll', `!roll 1 ${'x'.repeat(950)} !toss`, '!!toss', '!help !!help']) {
      expect((await ask(text)).startsWith('!')).toBe(false);
    }
  });

  it('counts as an answer: a bot that asks again and again is not heard for ever', async () => {
    const { alice, log } = await talking({ dice: dice }, { flood: false });
    for (let turns = 0; log.about(/seems to be a bot/).length === 0 && turns < 500; turns += 1) {
      alice.tell('bot', '!help');
      await Promise.race([alice.next(4).catch(() => undefined), log.until(/seems to be a bot/)]);
    }
    expect(log.about(/seems to be a bot/)).toHaveLength(1);
  });
});
