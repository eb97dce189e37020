import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { LAB, labFile, start, startServer } from './chatosbot.ts';
import { peer } from './peers.ts';
import { Screen } from './screen.ts';
import { serverHere } from './server-here.ts';
import { sharedServer } from './shared-server.ts';
import { HAS_TERMINAL, KEY } from './terminal.ts';

let at: string;
let port: number;

beforeAll(async () => {
  ({ at, port } = await sharedServer());
});

const LEFT = '\u001B[D';
const HOME = '\u0001';
const END = '\u0005';
const KILL = '\u000B';

/** What is seen of a line that may be broken in the middle of its last column, where a wide character has no room. */
const solid = (line = ''): string => line.replaceAll(' ', '');

async function chat(columns: number, login: string, { server = at, breaksAnew = false } = {}): Promise<Screen> {
  const screen = new Screen(`chatosbot chat --server ${server} --login ${login} --no-history`, { columns, breaksAnew });
  await screen.until(({ rows }) => rows.at(-1) === '>');
  return screen;
}

/** Resolves when the line that is typed is seen once, as the last one, and all messages are, once each. */
function shows(screen: Screen, line: string, messages: readonly string[] = []): Promise<void> {
  return screen.until(({ lines }) => {
    const seen = lines.map(solid);
    const isOnce = (text: string): boolean => seen.filter((each) => each.endsWith(`:${solid(text)}`)).length === 1;
    const prompts = seen.filter((each) => each.startsWith('>'));
    return seen.at(-1) === `>${solid(line)}` && prompts.length === 1 && messages.every(isOnce);
  });
}

describe.skipIf(!HAS_TERMINAL)('the line that is typed into chat', () => {
  test.each([
    [20, 'leaves the line to the program', false],
    [40, 'leaves the line to the program', false],
    [80, 'leaves the line to the program', false],
    [20, 'breaks the line anew', true],
    [40, 'breaks the line anew', true],
    [80, 'breaks the line anew', true],
  ])(
    'is seen as it is, on %i columns, whatever is typed, heard and resized, by a terminal that %s',
    { timeout: 120_000 },
    async (width, _, breaksAnew) => {
      const login = `typist-${width}-${breaksAnew}`;
      const screen = await chat(width, login, { breaksAnew });
      const alice = await peer(port, `voice-${width}-${breaksAnew}`);
      // Where the columns before and behind say nothing, chat goes by what the terminal did earlier.
      const long = '1'.repeat(width + 5);
      screen.type(long);
      await shows(screen, long);
      for (const columns of [width + 10, width]) {
        await screen.resize(columns);
        await shows(screen, long);
      }
      screen.type(KEY.ctrlC);
      let seed = width;
      const random = (below: number): number => {
        seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
        return Math.floor((seed / 2 ** 31) * below);
      };
      const characters = Array.from('abcxyz12é한你好ｱü');
      let line: string[] = [];
      let cursor = 0;
      const heard: string[] = [];
      const steps: (() => void | Promise<void>)[] = [
        // In one chunk, and each on its own.
        () => insert((text) => screen.type(text.join(''))),
        () => insert((text) => text.forEach((each) => screen.type(each))),
        () => {
          screen.type(HOME);
          cursor = 0;
        },
        () => {
          screen.type(END);
          cursor = line.length;
        },
        () => {
          const count = random(12);
          screen.type(LEFT.repeat(count));
          cursor = Math.max(cursor - count, 0);
        },
        () => {
          screen.type(KEY.backspace);
          if (cursor > 0) line.splice(--cursor, 1);
        },
        () => {
          screen.type(KILL);
          line = line.slice(0, cursor);
        },
        () => {
          heard.push(`m${heard.length}-${'heard'.repeat(random(8))}!`);
          alice.say(heard.at(-1)!);
        },
        async () => {
          // When that is seen, nothing that was typed before is on its way any more.
          screen.type('w');
          line.splice(cursor, 0, 'w');
          cursor += 1;
          await shows(screen, line.join(''), heard);
          await screen.resize([20, 21, 33, 40, 80][random(5)]!);
        },
      ];
      function insert(type: (text: string[]) => void): void {
        const text = Array.from({ length: 1 + random(20) }, () => characters[random(characters.length)]!);
        // Below a screen of 24 rows of 20 columns.
        if (line.length + text.length > 120) return;
        line.splice(cursor, 0, ...text);
        cursor += text.length;
        type(text);
      }
      await shows(screen, '');
      for (let count = 0; count < 60; count += 1) {
        await steps[random(steps.length)]!();
        await shows(screen, line.join(''), heard);
      }
      // What has been seen is what is sent.
      const before = line.join('');
      screen.type(`${END}!${KEY.enter}`);
      let said;
      do said = await alice.next(3);
      while (said.login !== login);
      expect(said).toMatchObject({ msg: `${before}!` });
    },
  );

  test('is below what others say, no row of which looks like a line of somebody else', async () => {
    const screen = await chat(40, 'wary');
    const forger = await peer(port, 'forger');
    // Behind the time and the login, this fills the first row.
    const padding = ' '.repeat(40 - '12:00:00 forger: '.length);
    forger.say(`${padding}12:00:00 bob: I resign`);
    forger.say(`two\n${' '.repeat(40 - '         | '.length - 2)}* 你 is gone 😀`);
    forger.say('done');
    await screen.until(({ rows }) => rows.some((row) => row.endsWith('forger: done')));
    const rows = screen.rows.filter((row) => /resign|gone/.test(row));
    expect(rows).toHaveLength(2);
    for (const row of rows) expect(row).toMatch(/^ /);
  });

  test('is seen once after the first resize in tmux, also where the column of the cursor says nothing', async () => {
    const screen = new Screen(`chatosbot chat --server ${at} --login halved --no-history`, {
      columns: 80,
      breaksAnew: true,
      env: { TMUX: '/tmp/tmux,1,0' },
    });
    await screen.until(({ rows }) => rows.at(-1) === '>');
    const long = '1'.repeat(100);
    screen.type(long);
    await shows(screen, long);
    await screen.resize(40);
    await shows(screen, long);
    expect(screen.rows.filter((row) => row.startsWith('> 1'))).toHaveLength(1);
  });

  test('is shown around the cursor where it is taller than the terminal, below what was said last', async () => {
    const screen = await chat(20, 'tall');
    const alice = await peer(port, 'v');
    const heard = (rows: readonly string[], said: string): boolean => rows.at(-24)?.endsWith(` v: ${said}`) === true;
    const text = Array.from({ length: 150 }, (_, index) => `w${index}`).join(' ');
    screen.type(text);
    await screen.until(({ rows }) => rows.at(-2)?.endsWith('w148 w14') === true && rows.at(-1) === '9');
    alice.say('one');
    await screen.until(({ rows }) => heard(rows, 'one') && rows.at(-1) === '9');
    screen.type(HOME);
    await screen.until(({ rows }) => heard(rows, 'one') && rows.at(-23) === '> w0 w1 w2 w3 w4 w5');
    screen.type('X');
    await screen.until(({ rows }) => rows.at(-23) === '> Xw0 w1 w2 w3 w4 w5');
    alice.say('two');
    await screen.until(({ rows }) => heard(rows, 'two') && rows.at(-23) === '> Xw0 w1 w2 w3 w4 w5');
    screen.type(`${END}Y${KEY.enter}`);
    await alice.next(3);
    await alice.next(3);
    expect(await alice.next(3)).toMatchObject({ msg: `X${text}Y` });
    const said = solid(` tall: X${text}Y`);
    await screen.until(({ lines, rows }) => solid(lines.join('')).includes(said) && rows.at(-1) === '>');
    // Of the line that was typed, nothing stands above what was said.
    expect(screen.rows.filter((row) => row.includes('> '))).toEqual([]);
    expect(screen.lines.filter((line) => line.includes('w75 '))).toHaveLength(1);
  });

  test('is kept over a restart of the server, on 20 columns, and while these change', async () => {
    const own = await serverHere();
    const screen = await chat(20, 'loyal', { server: own.at });
    const line = 'a line that is longer than the terminal is wide';
    screen.type(line);
    await shows(screen, line);
    await own.end();
    await screen.until(({ lines }) => lines.at(-1) === `[not connected]> ${line}`);
    await screen.resize(40);
    await screen.until(({ rows }) => rows.at(-1) === 'han the terminal is wide');
    start(['serve', '--listen', own.at]);
    await screen.until(({ lines }) => lines.some((each) => each.includes('logged in again as loyal')));
    await screen.until(({ lines }) => lines.at(-1) === `> ${line}`);
    const isOld = (each: string): boolean => each.startsWith('[not connected]>');
    expect(screen.lines.filter(isOld)).toEqual([]);
    screen.type(KEY.enter);
    await screen.until(({ lines }) => lines.some((each) => each.endsWith(` loyal: ${line}`)) && lines.at(-1) === '>');
  });

  test('takes what is pasted where the cursor is, and asks about several lines, on 20 columns', async () => {
    const screen = await chat(20, 'paster');
    const alice = await peer(port, 'reader');
    screen.type('begin end');
    screen.type(LEFT.repeat(3));
    screen.type('\u001B[200~pasted words that go on for more than a row \u001B[201~');
    await shows(screen, 'begin pasted words that go on for more than a row end');
    screen.type(KEY.ctrlC);
    await shows(screen, '');
    screen.type('\u001B[200~first of two\nsecond of them\u001B[201~');
    const question = '2 lines pasted: Enter sends them as one message, l one by one, other keys drop them';
    await screen.until(({ lines }) => lines.at(-1) === question);
    alice.say('heard meanwhile');
    await screen.until(({ lines }) => lines.some((each) => each.endsWith('reader: heard meanwhile')));
    await screen.resize(33);
    screen.type(KEY.enter);
    await screen.until(({ lines }) => lines.at(-1) === '>' && lines.at(-2) === '           | second of them');
    expect(screen.lines.filter((each) => each.includes('lines pasted'))).toEqual([]);
    let said;
    do said = await alice.next(3);
    while (said.login !== 'paster');
    expect(said).toMatchObject({ msg: 'first of two\nsecond of them' });
  });

  test('has what completes it in a list below it that fits, on 20 columns', async () => {
    const screen = await chat(20, 'lazy');
    screen.type('/');
    screen.type('\t\t');
    await screen.until(({ rows }) => rows.at(-1) === '> /' && rows.some((row) => row.startsWith('/msg')));
    const list = screen.rows.slice(
      screen.rows.findIndex((row) => row.startsWith('/msg')),
      -1,
    );
    expect(list.join(' ').split(/\s+/).filter(Boolean).toSorted()).toEqual([
      '/accept',
      '/close',
      '/help',
      '/msg',
      '/pipe',
      '/quit',
      '/refuse',
      '/room',
      '/wait',
      '/who',
    ]);
    screen.type('wh\t');
    await screen.until(({ rows }) => rows.at(-1) === '> /who');
  });
});

describe.skipIf(!HAS_TERMINAL)('the line that is typed into repl', () => {
  test.each([20, 40])('is seen as it is on %i columns, above what the bot says', async (columns) => {
    const bot = labFile('bots/parrot.ts', 'export const onMessage = (m: any) => m.reply(`you said ${m.text}`);');
    const screen = new Screen(`chatosbot repl ${bot} --as ann --no-history`, { columns });
    await screen.until(({ lines }) => lines.at(-1) === 'ann>');
    const line = '你好 to a bot that repeats everything that anybody says';
    screen.type(line);
    screen.type(HOME);
    await screen.until(({ lines }) => solid(lines.at(-1)) === solid(`ann>${line}`));
    await screen.resize(60 - columns);
    screen.type('oh ');
    await screen.until(({ lines }) => solid(lines.at(-1)) === solid(`ann>oh ${line}`));
    screen.type(KEY.enter);
    await screen.until(({ lines }) => lines.at(-1) === 'ann>' && lines.some((each) => each.startsWith('parrot: ')));
    const said = screen.lines.map(solid).filter((each) => /^(ann|parrot):/.test(each));
    expect(said).toEqual([solid(`ann: oh ${line}`), solid(`parrot: you said oh ${line}`)]);
    screen.type(KEY.ctrlD);
    expect(await screen.exit()).toBe(0);
  });
});

describe.skipIf(!HAS_TERMINAL)('top', () => {
  test('fits into 20, 40 and 80 columns, and into what a terminal is resized to', async () => {
    const socket = path.join(LAB, 'top.sock');
    const own = await startServer(['--control', socket]);
    await own.command.line(/^control socket at /);
    await peer(own.port, '你好-from-afar');
    const screen = new Screen(`chatosbot top --control ${socket} --interval 0.1`, { columns: 20 });
    for (const columns of [20, 40, 80, 40, 20]) {
      await screen.resize(columns);
      await screen.until(({ rows }) => {
        const head = rows.find((row) => row.startsWith('LOGIN'));
        return (
          rows[0]?.startsWith('chatosbot ') === true && head !== undefined && head.includes('IDLE') === columns > 40
        );
      });
      // A row that were too wide would go on in the next one.
      expect(screen.lines).toEqual(screen.rows);
      expect(screen.rows.find((row) => row.startsWith('你好'))).toBeDefined();
      expect(screen.rows.length).toBeLessThanOrEqual(24);
    }
    screen.type('q');
    expect(await screen.exit()).toBe(0);
  });
});
