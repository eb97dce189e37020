import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { failure, labFile, LAB, run, start } from './chatosbot.ts';
import { runShared } from './shared-process.ts';
import { openHalf, RfcPeer } from '../support/rfc-peer.ts';

const BOT = `import { defineBot } from 'chatosbot';
export default defineBot({
  schedule: { often: { cron: '* * * * * *', run: (ctx) => ctx.tell('clock', 'tick') } },
  commands: { roll: { help: 'rolls', args: { sides: { type: 'integer', default: 6 } },
    run: ({ sides }, message) => message.reply(message.from + ' rolls ' + sides) } },
  async onMessage(message, ctx) {
    const count = await ctx.store.update('count', (old: number | undefined) => (old ?? 0) + 1);
    const answer = await message.ask('really?', { timeoutMs: 700 }).catch(() => undefined);
    await message.reply(answer ? count + ': you said ' + answer.text : 'too late');
  },
  onPrivateRequest: (request) => request.from !== 'mallory',
  async onChannel(channel, ctx) {
    await ctx.tell(channel.peer, 'welcome');
    channel.end();
    for await (const chunk of channel) void chunk;
    await ctx.tell(channel.peer, 'goodbye');
  },
  onStop: (ctx) => ctx.say('the end'),
});
`;

const recording = path.join(LAB, 'dice.ndjson');
let bot: string;

function changed(from: string, to: string): string {
  expect(BOT).toContain(from);
  return labFile(`changed-${to.replaceAll(/\W/g, '')}/dice.ts`, BOT.replace(from, to));
}

/** Records a chat: commands, questions with and without an answer, private connections, a schedule, a stop. */
beforeAll(async () => {
  bot = labFile('dice.ts', BOT);
  const running = start(['run', bot, '--listen', '127.0.0.1:0', '--record', recording]);
  const [, port] = await running.line(/listening on tcp:\/\/127\.0\.0\.1:(\d+)/);
  await running.line(/dice: logged in as dice/);
  const [ann, clock, mallory] = await Promise.all(
    ['ann', 'clock', 'mallory'].map(async (login) => {
      const peer = await RfcPeer.connect(Number(port));
      await peer.login(login);
      return peer;
    }),
  );
  const told = async (expected: string): Promise<void> => {
    const { msg } = await ann!.next(4);
    if (msg !== expected) throw new Error(`ann was told '${msg}', not '${expected}'`);
  };
  ann!.tell('dice', '!roll 20');
  await told('ann rolls 20');
  ann!.tell('dice', 'hm');
  await told('really?');
  ann!.tell('dice', 'yes');
  await told('1: you said yes');
  ann!.tell('dice', 'hm');
  await told('really?');
  await told('too late');
  ann!.request('dice');
  const { connectId } = await ann!.next(8);
  const half = await openHalf(Number(port), connectId);
  half.end();
  await told('welcome');
  await told('goodbye');
  mallory!.request('dice');
  await mallory!.next(7);
  await clock!.next(4);
  await clock!.next(4);
  running.kill('SIGTERM');
  await running.exit();
  for (const each of [ann, clock, mallory]) each!.destroy();
}, 30_000);

describe('run --record', () => {
  test('writes a file for its owner only, a line of JSON for each thing that happens', () => {
    expect(statSync(recording).mode & 0o777).toBe(0o600);
    const lines = readFileSync(recording, 'utf8').trimEnd().split('\n');
    const [first, ...events] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(first).toMatchObject({ type: 'recording', version: 1 });
    expect(events[0]).toMatchObject({ type: 'connected', login: 'dice', bots: ['dice'] });
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'heard', from: 'ann', text: '!roll 20', private: true }),
    );
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'said', to: 'ann', text: 'ann rolls 20', answers: 1 }),
    );
    expect(events).toContainEqual(expect.objectContaining({ type: 'decided', from: 'mallory', decision: 'refused' }));
    expect(events.at(-1)).toMatchObject({ type: 'said', text: 'the end' });
  });

  test('never writes over a file', async () => {
    const { status, last } = await failure(runShared(['run', bot, '--listen', '127.0.0.1:0', '--record', recording]));
    expect(status).toBe(2);
    expect(last).toBe(
      `chatosbot: cannot record to ${recording}: it exists already; name a new file, or remove that one`,
    );
  });
});

describe('replay', () => {
  test('finds no difference where there is none, and does not take the time that it took', async () => {
    const { status, stdout, stderr } = await runShared(['replay', recording, bot]);
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: '',
      stderr: 'replayed 4 messages and 2 private requests: no differences\n',
    });
  });

  test('shows an answer that is another one, with what caused it', async () => {
    const { status, stdout, stderr } = await runShared(['replay', recording, changed("' rolls '", "' throws '")]);
    expect(stdout).toBe(
      `${recording}:${lineOf('!roll 20')}: ann -> dice: !roll 20\n- dice -> ann: ann rolls 20\n+ dice -> ann: ann throws 20\n`,
    );
    expect(stderr).toBe('replayed 4 messages and 2 private requests: 1 difference\n');
    expect(status).toBe(1);
  });

  test('lets as much time go by as went by: an answer comes in time, or too late', async () => {
    const answer = heard('yes').replace('09:00:01', '09:00:02').replace('"number":1', '"number":2');
    const said = (text: string): string =>
      `{${AT},"type":"said","to":"ann","text":"${text}","cause":"ann","answers":1}`;
    const lines = [HEADER, heard('hm'), said('really?'), answer, said('1: you said yes'), ''];
    const file = labFile('question.ndjson', lines.join('\n'));
    const { stdout } = await runShared(['replay', file, bot]);
    expect(stdout).toContain('  dice -> ann: really?\n- dice -> ann: 1: you said yes\n+ dice -> ann: too late\n');
    expect(
      (await runShared(['replay', file, changed('timeoutMs: 700', 'timeoutMs: 1_500'), '--answers-only'])).status,
    ).toBe(0);
  });

  test('shows decisions, what comes of them, schedules and last words', async () => {
    const decisions = await runShared(['replay', recording, changed("!== 'mallory'", "=== 'mallory'")]);
    expect(decisions.stdout).toContain(`${recording}: ann asks for a private connection\n- accepted\n+ refused\n`);
    expect(decisions.stdout).toContain(`${recording}: about the private connections of ann\n- dice -> ann: welcome\n`);
    const schedule = await runShared(['replay', recording, changed("cron: '* * *", "cron: '1 2 3")]);
    expect(schedule.stdout).toMatch(/: by itself\n(- dice -> clock: tick\n){2,}$/);
    const words = changed('the end', 'farewell');
    expect((await runShared(['replay', recording, words])).stdout).toContain('- dice: the end\n+ dice: farewell\n');
    expect((await runShared(['replay', recording, words, '--answers-only'])).status).toBe(0);
  });

  test('tells a machine in lines of JSON', async () => {
    const { status, stdout } = await runShared(['replay', recording, changed("' rolls '", "' spins '"), '--json']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        type: 'difference',
        about: 'message',
        line: lineOf('!roll 20'),
        heard: { from: 'ann', private: true, text: '!roll 20' },
        was: [{ to: 'ann', text: 'ann rolls 20' }],
        is: [{ to: 'ann', text: 'ann spins 20' }],
      },
      { type: 'summary', messages: 4, requests: 2, differences: 1 },
    ]);
    expect(status).toBe(1);
  });

  test('takes options and the state that bots begin with', async () => {
    const asked = `import { defineBot } from 'chatosbot';
export default defineBot({ name: 'dice', onMessage: async (message, ctx) =>
  message.reply([ctx.options['word'], await ctx.store.update('n', (n: number | undefined) => (n ?? 0) + 1)].join()) });`;
    const file = labFile('optional/asked.ts', asked);
    const config = labFile('optional/chatosbot.config.yaml', 'bots: [{ path: ./asked.ts, options: { word: hey } }]');
    const state = path.join(LAB, 'optional/kept');
    const said = (answer: string): string =>
      labFile(
        'optional/r.ndjson',
        [
          HEADER,
          heard('hello'),
          `{${AT},"type":"said","to":"ann","text":"${answer}","cause":"ann","answers":1}`,
          '',
        ].join('\n'),
      );
    const before = await run(['repl', file, '--config', config, '--state', state], { input: 'a\nb\n' });
    expect(before.stdout).toContain('dice: hey,2\n');
    const args = (answer: string): string[] => ['replay', said(answer), file, '--config', config];
    expect((await runShared(args('hey,1'))).status).toBe(0);
    for (let times = 0; times < 2; times += 1) {
      expect((await runShared([...args('hey,3'), '--state', state])).status).toBe(0);
    }
    const missing = await failure(runShared([...args('hey,1'), '--state', path.join(LAB, 'nowhere')]));
    expect(missing).toEqual({ status: 2, last: `chatosbot: ${LAB}/nowhere: there is no such folder` });
  });

  test('takes a recording without the lines that are too long, and reports them once', async () => {
    const [header, ...lines] = readFileSync(recording, 'utf8').split('\n');
    const long = 'x'.repeat(17 * 2 ** 20);
    const file = labFile('long.ndjson', [header, long, ...lines.slice(0, -1), long].join('\n'));
    const { status, stderr } = await runShared(['replay', file, bot]);
    expect(stderr).toBe(
      `${file}:2, ${lines.length + 2}: longer than 16.0 MiB, and ignored\nreplayed 4 messages and 2 private requests: no differences\n`,
    );
    expect(status).toBe(0);
  });

  test('plays texts of any length that were recorded', async () => {
    const unlimited = labFile('talk/chatosbot.config.yaml', 'bots: [./talk.mjs]\nflood: false\n');
    const talk = labFile(
      'talk/talk.mjs',
      `export const onMessage = (message) => message.reply('\\0'.repeat(2_900_000) + '\\ud83c' + message.text);`,
    );
    const file = path.join(LAB, 'talk.ndjson');
    const command = start(['run', '--config', unlimited, '--listen', '127.0.0.1:0', '--record', file]);
    const [, port] = await command.line(/listening on tcp:\/\/127\.0\.0\.1:(\d+)/);
    await command.line(/logged in as talk/);
    const ann = await RfcPeer.connect(Number(port));
    await ann.login('ann');
    ann.tell('talk', 'well');
    for (;;) if ((await ann.next(4)).msg.endsWith('well')) break;
    ann.destroy();
    command.kill('SIGTERM');
    const { stderr } = await command.exit();
    expect(stderr).not.toMatch(/ (warn|error) /);
    expect(await runShared(['replay', file, talk])).toMatchObject({
      status: 0,
      stderr: 'replayed 1 message: no differences\n',
    });
  });

  test('takes a recording whose writer was killed, and says so', async () => {
    const text = readFileSync(recording, 'utf8');
    const cut = labFile('cut.ndjson', text.slice(0, text.indexOf('"type":"decided"') + 4));
    const { status, stderr } = await runShared(['replay', cut, bot]);
    expect(stderr).toMatch(/^.*cut.ndjson: the last line is incomplete, and ignored\nreplayed 4 messages/);
    expect(status).toBe(1);
  });

  test.each([
    ['is not there', undefined, /cannot read .*r\.ndjson: ENOENT/],
    ['is empty but for its beginning', '', /r\.ndjson: there are no events in this recording$/],
    ['has a line that is broken', '{"type"\n{}\n', /r\.ndjson:2: .*JSON/],
  ])('fails with status 2 for a recording that %s', async (_what, lines, message) => {
    const file = lines === undefined ? path.join(LAB, 'no/r.ndjson') : labFile('bad/r.ndjson', `${HEADER}\n${lines}`);
    const { status, last } = await failure(runShared(['replay', file, bot]));
    expect(last).toMatch(message);
    expect(status).toBe(2);
  });

  test('fails with status 2 for a bot that cannot be loaded, and an account that is not in it', async () => {
    const broken = labFile('broken.ts', 'export const x = ;');
    expect(await failure(runShared(['replay', recording, broken]))).toMatchObject({ status: 2 });
    expect(await failure(runShared(['replay', recording, bot, '--login', 'nobody']))).toEqual({
      status: 2,
      last: expect.stringMatching(/there is no account nobody in it; it has dice on tcp:/) as string,
    });
  });

  test('shows what peers and bots wrote as text, never as what a terminal obeys', async () => {
    const evil = '\\u001b[2J\\u202e';
    const file = labFile(
      'evil.ndjson',
      `${HEADER}\n${heard(evil)}\n{${AT},"type":"said","text":"${evil}","cause":"ann","answers":1}\n`,
    );
    const { stdout } = await runShared(['replay', file, bot]);
    expect(stdout).toContain('ann -> dice: \\e[2J\\u{202e}\n- dice: \\e[2J\\u{202e}\n');
  });
});

const HEADER =
  '{"type":"recording","version":1,"chatosbot":"0.1.0","startedAt":"2026-01-05T09:00:00.000Z","timeZone":"UTC"}';
const AT = '"time":"2026-01-05T09:00:01.000Z","server":"tcp://127.0.0.1:7777","login":"dice"';

function heard(text: string): string {
  return `{${AT},"type":"heard","number":1,"from":"ann","private":true,"text":"${text}"}`;
}

function lineOf(text: string): number {
  return (
    1 +
    readFileSync(recording, 'utf8')
      .split('\n')
      .findIndex((line) => line.includes(`"text":"${text}"`))
  );
}
