/** Replays of what takes time, with the bots that the recording names. */
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { failure, LAB, labFile, start } from './chatosbot.ts';
import { runShared } from './shared-process.ts';
import { RfcPeer } from '../support/rfc-peer.ts';

const BOT = `import { defineBot, defineDialogue } from 'chatosbot';
const order = defineDialogue({
  data: { size: '' },
  steps: {
    size: { ask: 'Size?', run: ({ answer, data }) => { data.size = answer; }, next: 'where' },
    where: { ask: 'Where?', run: ({ answer, data, message }) => message.reply(data.size + ' to ' + answer) },
  },
});
const quick = defineDialogue({ data: 0, timeout: '400ms', steps: { only: { ask: 'Quick?' } } });
export default defineBot({
  name: 'clockwork',
  dialogues: { order, quick },
  commands: {
    after: { help: 'a', run: async (_, message, ctx) => { await ctx.after(300, 'remind', message.from); } },
    at: { help: 'a', run: async (_, message, ctx) => {
      await ctx.at(new Date(ctx.now().getTime() + 300), 'remind', message.from);
    } },
    nap: { help: 'n', run: async (_, message, ctx) => { await ctx.sleep(200); await message.reply('awake'); } },
    every: { help: 'e', run: (_, message, ctx) => {
      const job = ctx.schedule({ cron: '* * * * * *' }, () => { job.cancel(); return ctx.tell(message.from, 'tick'); });
    } },
    order: { help: 'o', run: (_, message, ctx) => ctx.begin(order, message) },
    quick: { help: 'q', run: (_, message, ctx) => ctx.begin(quick, message) },
    ask: { help: 'a', run: async (_, message) => { await message.reply('so: ' + (await message.ask('Well?')).text); } },
  },
  timers: { remind: (to, ctx) => ctx.tell(to, ctx.options.greeting ?? 'time is up') },
  onStop: (ctx) => ctx.say('the end'),
});
`;
const there = { cwd: path.join(LAB, 'found') };
const RECORDING = 'time.ndjson';

/** Timers, a nap, a schedule, a dialogue with its end and one without, a question that is answered while the bot stops. */
beforeAll(async () => {
  labFile('found/package.json', '{}');
  labFile('found/bots/c.ts', BOT);
  const running = start(['run', 'bots/c.ts', '--listen', '127.0.0.1:0', '--record', RECORDING, '--drain', '60'], there);
  const [, port] = await running.line(/listening on tcp:\/\/127\.0\.0\.1:(\d+)/);
  await running.line(/logged in as clockwork/);
  const peer = await RfcPeer.connect(Number(port));
  await peer.login('ann');
  const talk = async (text: string, ...answers: string[]): Promise<void> => {
    peer.tell('clockwork', text);
    for (const answer of answers) expect((await peer.next(4)).msg).toBe(answer);
  };
  await talk('!after', 'time is up');
  await talk('!at', 'time is up');
  await talk('!nap', 'awake');
  await talk('!every', 'tick');
  await talk('!order', 'Size?');
  await talk('large', 'Where?');
  await talk('home', 'large to home');
  await talk('!quick', 'Quick?', 'That took too long: I no longer wait for your answer.');
  await talk('!ask', 'Well?');
  running.kill('SIGTERM');
  await running.line(/stopping on SIGTERM, waiting up to 60 s for 1 question/);
  await talk('yes', 'so: yes');
  await running.exit();
  peer.destroy();
}, 60_000);

describe('replay, where no bot is named,', () => {
  test('takes the files that the recording names, and time does what it did', async () => {
    const ended = await runShared(['replay', RECORDING], there);
    expect(ended).toMatchObject({ status: 0, stderr: 'replayed 10 messages: no differences\n' });
  });

  test('shows where a bot that stops no longer takes an answer', async () => {
    const silent = BOT.replace("await message.reply('so: ' + (await message.ask('Well?')).text);", '');
    expect(silent).not.toBe(BOT);
    labFile('found/changed/c.ts', silent);
    const ended = await runShared(['replay', RECORDING, 'changed/c.ts'], there);
    expect(ended.status).toBe(1);
    expect(ended.stdout.match(/^[-+] .*$/gm)).toEqual(['- clockwork -> ann: Well?', '- clockwork -> ann: so: yes']);
  });

  test('takes the options of the configuration, and what the file is now', async () => {
    labFile('found/own.yaml', 'bots: [{ path: ./bots/c.ts, login: clockwork, options: { greeting: Tea! } }]\n');
    const ended = await runShared(['replay', RECORDING, '--config', 'own.yaml'], there);
    expect(ended.status).toBe(1);
    expect(ended.stdout.match(/^\+ .*$/gm)).toEqual(['+ clockwork -> ann: Tea!', '+ clockwork -> ann: Tea!']);
    const named = await runShared(['replay', RECORDING, 'clockwork', '--config', 'own.yaml'], there);
    expect(named.stdout).toBe(ended.stdout);
  });

  test('finds them by their names where an older version has recorded no files', async () => {
    const text = readFileSync(path.join(LAB, 'found', RECORDING), 'utf8');
    labFile('found/old.ndjson', text.replaceAll(/,"files":\[[^\]]*\]/g, ''));
    labFile('found/clockwork.ts', BOT);
    labFile('found/named.yaml', 'bots: [./clockwork.ts]\n');
    expect(await runShared(['replay', 'old.ndjson', '--config', 'named.yaml'], there)).toMatchObject({ status: 0 });
    const missing = start(['replay', 'old.ndjson'], there);
    expect(await failure(missing)).toMatchObject({
      status: 2,
      last: 'chatosbot: old.ndjson: there is no file, and no entry of the configuration, of clockwork; name the files of the bots of clockwork',
    });
  });

  test('says which are missing', async () => {
    const text = readFileSync(path.join(LAB, 'found', RECORDING), 'utf8');
    labFile('found/moved.ndjson', text.replaceAll('bots/c.ts', 'bots/gone.ts'));
    rmSync(path.join(LAB, 'found/clockwork.ts'), { force: true });
    const { status, last } = await failure(runShared(['replay', 'moved.ndjson'], there));
    expect(status).toBe(2);
    expect(last).toMatch(
      /moved\.ndjson: there is no file, .*, of clockwork \(\S+\/bots\/gone\.ts\); name the files of /,
    );
  });
});
