import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import type { Command } from '../support/command.ts';
import { LAB, shell, start } from './chatosbot.ts';
import { ownServer } from './own-server.ts';
import { runShared, startShared, type SharedCommand } from './shared-process.ts';
import { sharedServer } from './shared-server.ts';

const CODE = /code: (\d+)-([a-z]+-[a-z]+) /;
const BYTES = Buffer.concat(Array.from({ length: 50_000 }, (_, at) => createHash('sha256').update(`${at}`).digest()));
/** A file is there a moment later. */
const SOON = { timeout: 40_000, interval: 2 };

let at: string;
let count = 0;

beforeAll(async () => {
  ({ at } = await sharedServer());
});

function makeFile(content: string | Buffer = BYTES) {
  const folder = path.join(LAB, `send-${++count}`);
  mkdirSync(path.join(folder, 'in'), { recursive: true });
  const file = path.join(folder, 'file.bin');
  writeFileSync(file, content);
  return { file, inbox: path.join(folder, 'in') };
}

async function bothBy<C extends SharedCommand>(
  begin: (args: readonly string[], options: { readonly input?: string | Uint8Array }) => C,
  receive: readonly string[],
  send: readonly string[],
  input?: string | Uint8Array,
) {
  const [ear, mouth] = [`ear-s${++count}`, `mouth-s${count}`];
  const receiver = begin(['receive', '--from', mouth, '--login', ear, '--server', at, ...receive], {});
  await receiver.line(/waiting/);
  const sending = ['send', '--to', ear, ...send, '--login', mouth, '--server', at];
  return { receiver, sender: begin(sending, input === undefined ? {} : { input }), mouth };
}

/** In processes that have run others. */
const both = bothBy.bind(undefined, startShared);

/** In processes of their own, the sender with an input that the test writes to. */
const bothLive = (receive: readonly string[], send: readonly string[]) => bothBy(start, receive, send, 'open');

async function statuses(...commands: readonly SharedCommand[]): Promise<(number | null)[]> {
  return (await Promise.all(commands.map((command) => command.exit()))).map(({ status }) => status);
}

describe('a code', () => {
  test('is all that a receiver needs', async () => {
    const { file, inbox } = makeFile();
    const sender = start(['send', file, '--server', at]);
    const [, number, words] = await sender.line(CODE);
    const receiver = start(['receive', `${number}-${words}`, '--yes', '--dir', inbox, '--server', at]);
    expect(await statuses(sender, receiver)).toEqual([0, 0]);
    expect(receiver.stderr).toContain('encrypted from end to end');
    expect(readFileSync(path.join(inbox, 'file.bin')).equals(BYTES)).toBe(true);
  });

  test('may be typed as it is said: with spaces, in any case, and shortened', async () => {
    const { file, inbox } = makeFile();
    const sender = startShared(['send', file, '--server', at]);
    const [, number, words] = await sender.line(CODE);
    const [first, second] = words!.toUpperCase().split('-');
    const receiver = startShared([
      'receive',
      number!,
      first!,
      second!.slice(0, 4),
      '--yes',
      '--dir',
      inbox,
      '--server',
      at,
    ]);
    expect(await statuses(sender, receiver)).toEqual([0, 0]);
  });

  test('that is wrong ends both sides with 77, and is used up', async () => {
    const { file, inbox } = makeFile();
    const sender = startShared(['send', file, '--server', at]);
    const [, number] = await sender.line(CODE);
    const receiver = startShared(['receive', `${number}-zoo-zoo`, '--yes', '--dir', inbox, '--server', at]);
    expect(await statuses(sender, receiver)).toEqual([77, 77]);
    expect(sender.stderr).toContain('wrong code');
    expect(receiver.stderr).toContain('wrong code');
    expect(existsSync(path.join(inbox, 'file.bin'))).toBe(false);
  });

  test('whose sender has gone is reported as that, with 69', async () => {
    const { inbox } = makeFile();
    const receiver = startShared(['receive', '424242-zoo-zoo', '--yes', '--dir', inbox, '--wait', '1', '--server', at]);
    expect(await statuses(receiver)).toEqual([69]);
    expect(receiver.stderr).toContain('there is no sender with the number 424242');
  });
});

describe('who is asked', () => {
  test('a receiver without a terminal must say --yes', async () => {
    const receiver = startShared(['receive', '--from', 'ann', '--server', at]);
    expect(await statuses(receiver)).toEqual([2]);
    expect(receiver.stderr).toContain('add --yes');
  });

  test('a stranger is refused, and the one who is meant is waited for', async () => {
    const { file, inbox } = makeFile();
    const { receiver, sender } = await both(['--yes', '--dir', inbox], [file]);
    const stranger = startShared([
      'send',
      file,
      '--to',
      `ear-s${count}`,
      '--login',
      'mallory',
      '--wait',
      '5',
      '--server',
      at,
    ]);
    expect((await statuses(sender, receiver)).at(0)).toBe(0);
    expect([69, 77, 124]).toContain((await stranger.exit()).status);
  });

  test('more than --max-size is refused on both sides with 77, before anything is sent', async () => {
    const { file, inbox } = makeFile();
    const { receiver, sender } = await both(['--yes', '--max-size', '1M', '--dir', inbox], [file]);
    expect(await statuses(receiver, sender)).toEqual([77, 77]);
    expect(sender.stderr).toContain('--max-size');
    expect(existsSync(path.join(inbox, 'file.bin'))).toBe(false);
  });

  test('an output that is a folder is refused before anybody is asked', async () => {
    const { inbox } = makeFile();
    const receiver = startShared(['receive', '--from', 'ann', '--yes', '-o', inbox, '--server', at]);
    expect(await statuses(receiver)).toEqual([2]);
    expect(receiver.stderr).toContain('is a folder');
  });
});

describe('endings', () => {
  test('a file that exists and is different is 77 on both sides, and stays', async () => {
    const { file, inbox } = makeFile();
    writeFileSync(path.join(inbox, 'file.bin'), 'precious');
    const { receiver, sender } = await both(['--yes', '--dir', inbox], [file]);
    expect(await statuses(receiver, sender)).toEqual([77, 77]);
    expect(readFileSync(path.join(inbox, 'file.bin'), 'utf8')).toBe('precious');
  });

  test.each(['receiver', 'sender'] as const)(
    'Ctrl-C at the %s ends it with 130, and the other side with 75',
    async (who) => {
      const { inbox } = makeFile();
      const sides = await bothLive(['--yes', '-o', '-'], ['-']);
      await sides.receiver.line(/offers a stream/);
      sides.sender.stdin.write('begin');
      await sides.receiver.shows('begin');
      sides[who].kill('SIGINT');
      expect((await sides[who].exit()).status).toBe(130);
      const other = await sides[who === 'sender' ? 'receiver' : 'sender'].exit();
      expect([65, 75]).toContain(other.status);
      expect(other.stderr).toContain('interrupted');
      expect(existsSync(inbox)).toBe(true);
    },
  );

  test('a link that is named stands for the file that it leads to', async () => {
    const { file, inbox } = makeFile('what it leads to');
    const link = path.join(path.dirname(file), 'link');
    symlinkSync('file.bin', link);
    const { receiver, sender } = await both(['--yes', '--dir', inbox], [link]);
    expect(await statuses(receiver, sender)).toEqual([0, 0]);
    expect(readFileSync(path.join(inbox, 'link'), 'utf8')).toBe('what it leads to');
  });

  test.skipIf(process.platform !== 'linux')(
    'a file that says it is empty and is not, as those of /proc, is not sent as an empty one',
    async () => {
      const { inbox } = makeFile();
      const { receiver, sender } = await both(['--yes', '--dir', inbox], ['/proc/self/status']);
      expect(await statuses(receiver, sender)).toEqual([65, 65]);
      expect(sender.stderr).toContain('failed status: its size is not known before it is read: use');
      expect(readdirSync(inbox)).toEqual([]);
    },
  );

  test('several receivers each get everything, and a summary each', async () => {
    const { file, inbox } = makeFile();
    const names = ['multi-1', 'multi-2', 'multi-3'];
    const receivers = names.map((login) =>
      startShared([
        'receive',
        '--from',
        'multi',
        '--login',
        login,
        '--yes',
        '--dir',
        path.join(inbox, login),
        '--server',
        at,
      ]),
    );
    await Promise.all(receivers.map((each) => each.line(/waiting/)));
    const sender = startShared([
      'send',
      file,
      ...names.flatMap((name) => ['--to', name]),
      '--login',
      'multi',
      '--json',
      '--server',
      at,
    ]);
    expect(await statuses(sender, ...receivers)).toEqual([0, 0, 0, 0]);
    const { stdout } = await sender.exit();
    const done = stdout
      .split('\n')
      .filter((line) => line.includes('"done"'))
      .map((line) => JSON.parse(line) as { type: string; peer: string });
    expect(
      done
        .filter(({ type }) => type === 'done')
        .map(({ peer }) => peer)
        .toSorted(),
    ).toEqual(names);
    for (const login of names) expect(readFileSync(path.join(inbox, login, 'file.bin')).equals(BYTES)).toBe(true);
  });
});

test('receive --keep --max serves so many senders at once, and one after the other, each with a summary', async () => {
  const inbox = path.join(LAB, `kept-${++count}`);
  const senders = [1, 2, 3].map((number) => ({ login: `mouth-m${number}`, ...makeFile(`from ${number}`) }));
  const common = ['--yes', '--json', '--dir', inbox, '--server', at];
  const receiver = start(['receive', '--from', 'mouth-m*', '--login', 'ear-m', '--keep', '--max', '2', ...common]);
  await receiver.line(/"type":"waiting"/, 'stdout');
  const stream = (login: string, name: string): Command =>
    start(['send', '-', '--name', name, '--to', 'ear-m', '--login', login, '--server', at], { input: 'open' });
  // Two that last until both are there, and one behind them.
  const open = senders.slice(0, 2).map(({ login }) => stream(login, login));
  for (const _ of open) await receiver.line(/"type":"accepted"/, 'stdout');
  const last = senders[2]!;
  const third = startShared(['send', last.file, '--to', 'ear-m', '--login', last.login, '--server', at]);
  await third.line(/asking/);
  for (const each of open) each.stdin.end('streamed');
  expect(await statuses(...open, third)).toEqual([0, 0, 0]);
  for (let summaries = 0; summaries < 3; summaries += 1) await receiver.line(/"type":"done"/, 'stdout');
  receiver.kill('SIGINT');
  expect(await statuses(receiver)).toEqual([130]);
  expect(readFileSync(path.join(inbox, 'mouth-m1'), 'utf8')).toBe('streamed');
  expect(readFileSync(path.join(inbox, 'mouth-m2'), 'utf8')).toBe('streamed');
  expect(readFileSync(path.join(inbox, 'file.bin'), 'utf8')).toBe('from 3');
});

test.skipIf(!existsSync('/proc/self/task'))('a receiver brings 16 files to the disk at once', async () => {
  const { file, inbox } = makeFile();
  const { receiver, sender } = await bothBy(start, ['--yes', '--keep', '--dir', inbox], [file]);
  await receiver.line(/received 1 file/);
  const threads = (command: Command): number => readdirSync(`/proc/${command.pid}/task`).length;
  expect(threads(receiver)).toBeGreaterThan(20);
  expect(await statuses(sender)).toEqual([0]);
});

test('two that receive a file of the same name into one folder are kept apart', async () => {
  const [ours, theirs] = [makeFile(Buffer.concat([BYTES, BYTES])), makeFile(Buffer.alloc(2 * BYTES.length, 7))];
  const first = await bothLive(['--yes', '-o', 'same', '--dir', ours.inbox], ['-']);
  await first.receiver.line(/offers/);
  first.sender.stdin.write('first');
  await vi.waitUntil(() => existsSync(path.join(ours.inbox, 'same.chatosbot.part')), SOON);
  const second = await both(['--yes', '-o', 'same', '--dir', ours.inbox], [theirs.file]);
  expect(await statuses(second.receiver, second.sender)).toEqual([77, 77]);
  expect(second.receiver.stderr).toContain('another receive is writing it');
  first.sender.stdin.end(BYTES);
  expect(await statuses(first.receiver, first.sender)).toEqual([0, 0]);
  expect(readFileSync(path.join(ours.inbox, 'same')).equals(Buffer.concat([Buffer.from('first'), BYTES]))).toBe(true);
});

test('a file goes on where the server is started again', { timeout: 90_000 }, async () => {
  const { file, inbox } = makeFile(Buffer.concat(Array.from({ length: 20 }, () => BYTES)));
  const own = await ownServer();
  const server = ['--server', own.at];
  const receiver = startShared([
    'receive',
    '--from',
    'mouth-f',
    '--login',
    'ear-f',
    '--yes',
    '--dir',
    inbox,
    ...server,
  ]);
  await receiver.line(/waiting/);
  const sender = startShared(['send', file, '--to', 'ear-f', '--login', 'mouth-f', ...server]);
  const part = path.join(inbox, 'file.bin.chatosbot.part');
  await vi.waitUntil(() => existsSync(part), SOON);
  await own.kill();
  await sender.line(/waiting for another private connection/);
  await own.startAgain();
  expect(await statuses(receiver, sender)).toEqual([0, 0]);
  expect(readFileSync(path.join(inbox, 'file.bin')).equals(readFileSync(file))).toBe(true);
});

describe('a stream', () => {
  test('goes from standard input to standard output, live', async () => {
    const { receiver, sender } = await bothLive(['--yes', '-o', '-'], ['-']);
    sender.stdin.write('first');
    await receiver.shows('first');
    sender.stdin.end(BYTES);
    expect(await statuses(receiver, sender)).toEqual([0, 0]);
    expect(receiver.stdout.equals(Buffer.concat([Buffer.from('first'), BYTES]))).toBe(true);
  });

  test('goes on where the server is started again', { timeout: 90_000 }, async () => {
    const own = await ownServer();
    const [ear, mouth] = ['ear-r', 'mouth-r'];
    const receiver = start(['receive', '--from', mouth, '--login', ear, '--yes', '-o', '-', '--server', own.at]);
    await receiver.line(/waiting/);
    const sender = start(['send', '-', '--to', ear, '--login', mouth, '--server', own.at], { input: 'open' });
    sender.stdin.write('before');
    await receiver.shows('before');
    await own.kill();
    await sender.line(/waiting for another private connection/);
    sender.stdin.write(' during');
    await own.startAgain();
    await sender.line(/private connection with .* again/, 'stderr', 60_000);
    sender.stdin.end(' after');
    expect(await statuses(receiver, sender)).toEqual([0, 0]);
    expect(receiver.stdout.toString()).toBe('before during after');
  });

  test.each([
    ['standard output was closed', '>&-', 75, 'standard output'],
    ['its reader has had enough', '| true', 141, 'nobody reads its output'],
  ])('that its receiver cannot write on is broken off for both sides: %s', async (_, redirection, status, why) => {
    const [ear, mouth] = [`ear-s${++count}`, `mouth-s${count}`];
    const command = `chatosbot receive --from ${mouth} --login ${ear} --yes --output - --server ${at} ${redirection}`;
    const receiver = shell(`set -o pipefail; ${command}`);
    await receiver.line(/waiting/);
    const sender = startShared(['send', '-', '--to', ear, '--login', mouth, '--server', at], { input: BYTES });
    expect(await statuses(receiver, sender)).toEqual([status, 75]);
    expect(sender.stderr).toMatch(new RegExp(`${ear} gave up: .*${why}`));
  });

  test('of more than one file cannot be asked for', async () => {
    const { file } = makeFile();
    const { receiver, sender } = await both(['--yes', '-o', '-'], [file, makeFile('x').inbox]);
    expect(await statuses(receiver, sender)).toEqual([77, 77]);
  });

  test('into a file has its name when it is whole', async () => {
    const { inbox } = makeFile();
    const { receiver, sender } = await both(['--yes', '--dir', inbox], ['-', '--name', 'dump'], BYTES);
    expect(await statuses(receiver, sender)).toEqual([0, 0]);
    expect(readFileSync(path.join(inbox, 'dump')).equals(BYTES)).toBe(true);
    const again = await both(['--yes', '--dir', inbox], ['-', '--name', 'dump'], 'other');
    expect(await statuses(again.receiver, again.sender)).toEqual([77, 77]);
    expect(readFileSync(path.join(inbox, 'dump')).equals(BYTES)).toBe(true);
  });
});

test.each([
  [['send', '--to', 'ann'], "missing required argument 'file'"],
  [['send', 'a', 'b', '--name', 'c'], '--name is for one file or folder'],
  [['send', '-', 'a'], "'-', standard input, goes alone, and to one receiver"],
  [['send', '-', '--to', 'ann', '--to', 'bob'], "'-', standard input, goes alone, and to one receiver"],
  [['send', 'a', '--code'], 'without --to, a code is made: leave --code and --secret out'],
  [['send', 'a', '--to', 'ann', '--to', 'bob', '--code'], 'a code is good for one private connection: use --secret'],
  [['receive'], 'give the code that send has printed, or say who may send'],
  [['receive', '7-velvet-orange', '--from', 'ann'], 'a code is of one sender: leave --from and --keep out'],
  [['receive', '--from', 'ann', '7-velvet-orange'], 'a code is of one sender: leave --from and --keep out'],
  [['receive', '7-velvet-orange', '--code'], 'a code encrypts: leave --code and --secret out'],
  [['receive', '--from', 'ann', '--max', '2'], '--max needs --keep'],
  [['receive', '--from', 'ann', '--keep', '-o', 'a'], '--output is for one file: with --keep, use --dir'],
  [['receive', '--from', 'ann', '--keep', '--code'], 'with --keep, use --secret'],
  [['receive', '--from', 'ann'], 'there is no terminal to ask on: add --yes'],
  [['receive', 'hello', '--yes'], 'not a code: expected two words, as in 7-velvet-orange'],
  [['receive', 'velvet-orange', '--yes'], 'the code has no number: type all that send has printed'],
])('%j is a mistake that it explains, with 2', async (args, why) => {
  const ended = await runShared([...args, '--server', at]);
  expect(ended).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining(why) });
});
