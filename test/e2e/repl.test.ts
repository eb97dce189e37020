import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { failure, labFile, LAB, start } from './chatosbot.ts';
import { runShared } from './shared-process.ts';
import { HAS_TERMINAL, KEY, onTerminal } from './terminal.ts';

const BOT = `import { defineBot } from 'chatosbot';
export default defineBot({
  name: 'dice',
  schedule: { daily: { cron: '0 9 * * *', timeZone: 'UTC', run: (ctx) => ctx.say('good morning') } },
  commands: { roll: { help: 'rolls', run: (_args, message) => message.reply(message.from + ' rolls 4') } },
  async onMessage(message, ctx) {
    if (message.text === 'count') {
      await message.reply(String(await ctx.store.update('n', (n: number | undefined) => (n ?? 0) + 1)));
    } else if (message.text === 'call me') {
      const channel = await ctx.request(message.from);
      channel.resume().end('it is me');
    } else if (message.text === 'fail') {
      throw new Error('on purpose');
    } else {
      const answer = await message.ask('sure?', { timeoutMs: 60_000 }).catch(() => undefined);
      await message.reply(answer ? 'you said ' + answer.text : 'too late');
    }
  },
  onPrivateRequest: (request) => request.from !== 'mallory',
  onChannel: (channel) => void channel.pipe(channel),
  onStop: (ctx) => ctx.say('goodbye'),
});
`;

let bot: string;
beforeAll(() => {
  bot = labFile('dice.ts', BOT);
});

/** What is said in a rehearsal, and how it ended. */
function rehearse(lines: readonly string[], args: readonly string[] = []): ReturnType<typeof runShared> {
  return runShared(['repl', bot, ...args], { input: lines.map((line) => `${line}\n`).join('') });
}

test('a rehearsal has a hundred users at most', async () => {
  const { status, stderr } = await rehearse(Array.from({ length: 101 }, (_, i) => `/as user${i}`));
  expect([status, stderr]).toEqual([75, expect.stringContaining('there are already 100 users')]);
});

test('repl ends on a signal that comes while the bot is loading', async () => {
  const slow = labFile('slow.ts', `console.error('loading'); await new Promise((r) => setTimeout(r, 20_000));\n${BOT}`);
  const repl = start(['repl', slow], { input: 'open' });
  await repl.line(/loading/);
  repl.kill('SIGINT');
  expect(await repl.exit()).toMatchObject({ status: 130, stdout: '', stderr: 'loading\n' });
});

describe('repl, with a script', () => {
  test('says each line when the bot has answered the one before', async () => {
    const { status, stdout } = await rehearse(['!roll', 'hello', 'yes', '/msg hello', '/msg no']);
    expect(stdout).toBe(`you: !roll
dice: you rolls 4
you: hello
dice: sure?
you: yes
dice: you said yes
you -> dice: hello
dice -> you: sure?
you -> dice: no
dice -> you: you said no
dice: goodbye
`);
    expect(status).toBe(0);
  });

  test('is several users to the bot', async () => {
    const { stdout } = await rehearse(['/msg hm', '/as ann', '/msg hm', '/as you', '/msg a', '/as ann', '/msg b']);
    expect(stdout).toContain('you -> dice: a\ndice -> you: you said a\nann -> dice: b\ndice -> ann: you said b\n');
  });

  test('has a clock that goes when it is told to', async () => {
    const { stdout, stderr } = await rehearse(
      ['hello', '/advance 59s', '/advance 1s', '/advance 1d'],
      ['--at', '2026-01-05T08:00Z'],
    );
    expect(stdout).toBe('you: hello\ndice: sure?\ndice: too late\ndice: good morning\ndice: goodbye\n');
    expect(stderr).toContain('* it is 2026-01-06T08:01:00.000Z\n');
  });

  test('opens private connections, either way', async () => {
    const { status, stdout, stderr } = await rehearse([
      '/pipe',
      'one',
      'two',
      '/end',
      '/room',
      '/msg call me',
      '/accept',
    ]);
    expect(stdout).toBe(`[you -> dice]: one
[dice -> you]: one
[you -> dice]: two
[dice -> you]: two
you -> dice: call me
[dice -> you]: it is me
dice: goodbye
`);
    expect(stderr).toContain('* the private connection with dice is closed\n');
    expect(stderr).toContain('* dice asks for a private connection: /accept dice or /refuse dice\n');
    expect(status).toBe(0);
  });

  test('takes a refusal for an answer', async () => {
    const { status, stderr } = await rehearse(['/as mallory', '/pipe', '/room', '!roll']);
    expect(stderr).toContain('dice refused the private connection, or left\n');
    expect(status).toBe(0);
  });

  test('loads the bot anew, which keeps what it has kept', async () => {
    const file = labFile('reloaded/dice.ts', BOT);
    const session = start(['repl', file], { input: 'open' });
    session.type('count\n');
    await session.line(/^dice: 1$/, 'stdout');
    writeFileSync(file, BOT.replace("' rolls 4'", "' throws 5'"));
    session.type('/reload\n!roll\ncount\n');
    await session.line(/^dice: you throws 5$/, 'stdout');
    await session.line(/^dice: 2$/, 'stdout');
    writeFileSync(file, BOT.replace('commands:', 'commands'));
    session.type('/reload\n!roll\n');
    await session.line(/reloaded\/dice\.ts:/);
    await session.line(/^dice: you throws 5$/, 'stdout');
    session.stdin.end();
    expect((await session.exit()).status).toBe(2);
  });

  test('keeps what the bot keeps where it is told to, and else nothing', async () => {
    const state = path.join(LAB, 'kept');
    for (const [args, counts] of [
      [[], ['1', '1']],
      [
        ['--state', state],
        ['1', '2'],
      ],
    ] as const) {
      for (const count of counts) expect((await rehearse(['count'], args)).stdout).toContain(`dice: ${count}\n`);
    }
  });

  test('makes no folder for temporary files where there is none', async () => {
    const TMPDIR = path.join(LAB, 'no-such-tmp');
    const { status, stderr } = await runShared(['repl', bot], { input: 'count\n', env: { TMPDIR } });
    expect(stderr).toBe(`chatosbot: there is no folder ${TMPDIR} for the stores of the bots: set TMPDIR\n`);
    expect({ status, left: existsSync(TMPDIR) }).toEqual({ status: 2, left: false });
    const state = path.join(LAB, 'kept-elsewhere');
    const kept = await runShared(['repl', bot, '--state', state], { input: 'count\n', env: { TMPDIR } });
    expect(existsSync(TMPDIR)).toBe(false);
    expect(kept.stdout).toContain('dice: 1\n');
  });

  test('tells how the bot is, and what fails in it with its line', async () => {
    const { stderr, status } = await rehearse(['!roll', '/msg fail', '/status'], ['--at', '2026-01-05T08:00Z']);
    expect(stderr).toMatch(/onMessage failed: on purpose.*\n(.*\n)*? +at .*dice\.ts:13:/);
    expect(stderr).toContain('* dice: running, 3 calls, 0 in progress, 1 failure\n');
    expect(stderr).toContain('* job daily: next 2026-01-05 09:00 UTC\n');
    expect(status).toBe(0);
  });

  test('gives the column of what fails in the first line of the bot', async () => {
    const file = labFile('one-line.ts', "export const onMessage = (m: unknown) => { throw new Error('no'); };");
    const { stderr } = await runShared(['repl', file], { input: 'hello\n' });
    expect(stderr).toMatch(/onMessage failed: no.*\n(.*\n)*? +at .*one-line\.ts:1:50\)?\n/);
  });

  test('goes on behind a line that is wrong, and fails in the end', async () => {
    const { status, stdout, stderr } = await rehearse(['/advence 1h', '/advance soon', '/as  dice', '/msg', '!roll']);
    expect(stderr).toContain('* there is no /advence; did you mean /advance?\n');
    expect(stderr).toContain("* 'soon' is not a length of time");
    expect(stderr).toContain('* dice is the bot; choose another login\n');
    expect(stderr).toContain('* usage: /msg TEXT\n');
    expect(stdout).toContain('dice: you rolls 4\n');
    expect(status).toBe(2);
  });

  test('shows what the bot says as text, never as what a terminal obeys', async () => {
    const evil = labFile('evil.ts', "export const onMessage = (m) => m.reply('\\u001b[2J\\u202e');");
    const { stdout } = await runShared(['repl', evil], { input: 'hello\n' });
    expect(stdout).toBe('you: hello\nevil: \\e[2J\\u{202e}\n');
  });

  test('gives a machine lines of JSON', async () => {
    const { stdout } = await rehearse(['!roll'], ['--json']);
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events).toContainEqual(expect.objectContaining({ type: 'message', from: 'dice', text: 'you rolls 4' }));
  });

  test('is refused for a bot that cannot be loaded', async () => {
    const { status, last } = await failure(
      runShared(['repl', labFile('broken.ts', 'export const x = ;')], { input: '' }),
    );
    expect(status).toBe(2);
    expect(last).toContain('broken.ts');
  });
});

describe.skipIf(!HAS_TERMINAL)('repl, on a terminal', () => {
  test('has a prompt that tells who one is, and a history', async () => {
    const screen = onTerminal(`chatosbot repl ${bot} --as ann`);
    await screen.shows('dice is here, and you are ann; /help shows how');
    await screen.shows('ann> ');
    screen.type(`!roll${KEY.enter}`);
    await screen.shows('dice: ann rolls 4\r\n');
    await screen.shows('ann> ');
    screen.type(`/as bob${KEY.enter}`);
    await screen.shows('bob> ');
    screen.type(`\u001B[A\u001B[A${KEY.enter}`);
    await screen.shows('dice: bob rolls 4\r\n');
    screen.type(`/pipe${KEY.enter}`);
    await screen.shows('bob[dice]> ');
    screen.type(`hi${KEY.enter}`);
    await screen.shows('[dice -> bob]: hi\r\n');
    screen.type(KEY.ctrlD);
    await screen.shows('dice: goodbye');
    expect((await screen.exit()).status).toBe(0);
    expect(readFileSync(bot, 'utf8')).toBe(BOT);
  });

  test('completes the commands that the current user may call, as they are now', async () => {
    const code = (name: string): string => `export const commands = {
      dance: { help: 'h', run: (_args, message) => message.reply('dancing') },
      ${name}: { help: 'h', from: 'ops', run: (_args, message) => message.reply('deployed') },
    };`;
    const file = labFile('dancer.ts', code('dare'));
    const screen = onTerminal(`chatosbot repl ${file} --as ann`);
    await screen.shows('ann> ');
    screen.type(`!da\t${KEY.enter}`);
    await screen.shows('dancer: dancing\r\n');
    writeFileSync(file, code('zap'));
    screen.type(`/reload${KEY.enter}`);
    await screen.shows('dancer: reloaded');
    screen.type(`/as ops${KEY.enter}`);
    await screen.shows('ops> ');
    screen.type(`/msg !z\t${KEY.enter}`);
    await screen.shows('dancer -> ops: deployed');
    screen.type(KEY.ctrlD);
    expect((await screen.exit()).status).toBe(0);
  });

  test('waits with a line for the one before it, but for an acceptance that waits for the bot', async () => {
    const screen = onTerminal(`chatosbot repl ${bot}`);
    await screen.shows('you> ');
    screen.type(['/as bob', '!roll', '/accept', '/msg call me'].join(KEY.enter) + KEY.enter);
    await screen.shows('bob: !roll\r\n');
    await screen.shows('dice: bob rolls 4\r\n');
    await screen.shows('[dice -> bob]: it is me\r\n');
    screen.type(`/as ann${KEY.enter}!roll${KEY.enter}/quit${KEY.enter}!roll${KEY.enter}`);
    await screen.shows('dice: ann rolls 4\r\n');
    await screen.shows('dice: goodbye');
    expect((await screen.exit()).stdout.match(/ann rolls/g)).toHaveLength(1);
  });

  test.each([
    ['/quit', `/quit${KEY.enter}`],
    ['Ctrl-D', KEY.ctrlD],
  ])('ends soon on %s while a hook never ends', async (_, keys) => {
    const hanging = labFile('stuck.ts', 'export const onMessage = () => new Promise(() => {});');
    const screen = onTerminal(`chatosbot repl ${hanging}`);
    await screen.shows('you> ');
    screen.type(`hang${KEY.enter}again${KEY.enter}`);
    await screen.shows('you: hang\r\n');
    screen.type(keys);
    await screen.shows('stuck onMessage');
    const { status, stdout } = await screen.exit();
    expect(status).toBe(0);
    // That is said when the hook has been waited for in vain.
    expect(stdout).not.toContain('stuck is still busy');
  });

  test('ends at Ctrl-C', async () => {
    const screen = onTerminal(`chatosbot repl ${bot}`);
    await screen.shows('you> ');
    screen.type(KEY.ctrlC);
    expect((await screen.exit()).status).toBe(130);
  });
});

describe('repl, with a bot that fails', () => {
  test('says why it is silent after it was suspended, and how it goes on', async () => {
    const failing = labFile(
      'failing.ts',
      "export const onMessage = async (m: any) => { if (m.text === 'fail') throw new Error('no'); await m.reply('yes'); };",
    );
    const input = `${'fail\n'.repeat(5)}hello\n/advance 30s\nagain\n`;
    const { stdout, stderr, status } = await runShared(['repl', failing, '--as', 'ann'], { input });
    const notice = '* failing failed too often, and hears nothing for 30 s: /advance 30s, or /reload\n';
    expect(stderr.split(notice)).toHaveLength(3);
    expect(stdout).toMatch(/ann: hello\nann: again\nfailing: yes\n$/);
    expect(status).toBe(0);
  });

  test('waits once for a hook that never ends, and not again to leave', { timeout: 90_000 }, async () => {
    const hanging = labFile('hanging.ts', 'export const onMessage = () => new Promise(() => {});');
    const repl = start(['repl', hanging, '--as', 'ann'], { input: 'hang\n/quit\n' });
    await repl.line(/hanging is still busy/);
    const since = performance.now();
    const { status } = await repl.exit();
    expect(status).toBe(0);
    // It was 25 seconds: the hook got its whole time twice.
    expect(performance.now() - since).toBeLessThan(15_000);
  });
});
