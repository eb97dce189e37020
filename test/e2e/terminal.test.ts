import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, ftruncateSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { keepForFile, type Command } from '../support/command.ts';
import { readAll } from '../support/rfc-peer.ts';
import { failure, LAB, MAIN, start } from './chatosbot.ts';
import { acceptNext, fate, peer } from './peers.ts';
import { serverHere } from './server-here.ts';
import { sharedServer } from './shared-server.ts';
import { stalledOutput } from './stalled-pipe.ts';
import { HAS_TERMINAL, KEY, onTerminal, typedInto } from './terminal.ts';

let at: string;
let port: number;

beforeAll(async () => {
  ({ at, port } = await sharedServer());
});

describe.skipIf(!HAS_TERMINAL)('chat, on a terminal', () => {
  async function chat(login: string) {
    const screen = onTerminal(`chatosbot chat --server ${at} --login ${login}`);
    await screen.shows(`logged in as ${login} on tcp://${at}; /help shows how`);
    await screen.shows('> ');
    return screen;
  }

  let typist: Promise<Command> | undefined;

  /** A chat of somebody who has typed nothing yet, for tests that leave it so. */
  async function chatOfTypist(): Promise<Command> {
    typist ??= chat('typist').then((screen) => (keepForFile(screen), screen));
    return typist;
  }

  test('says what is typed, once the line is ended', async () => {
    const alice = await peer(port, 'alice');
    const screen = await chatOfTypist();
    screen.type(`helli${KEY.backspace}o${KEY.enter}`);
    expect(await alice.next(3)).toMatchObject({ login: 'typist', msg: 'hello' });
    await screen.shows('typist: hello\r\n');
  });

  test('says nothing to everyone that is typed while a private connection is asked for, or when it was refused', async () => {
    const alice = await peer(port, 'alice');
    const shy = await peer(port, 'shy');
    const screen = await chat('eager');
    screen.type(`/pipe shy${KEY.enter}`);
    await shy.next(5);
    screen.type(`a secret${KEY.enter}`);
    await screen.shows('not sent: the private connection with shy is not open yet; /room to talk to everyone');
    await screen.shows('[waiting]> ');
    shy.ko('eager');
    await screen.shows('[closed]> ');
    screen.type(`another${KEY.enter}`);
    await screen.shows('not sent: there is no private connection with shy');
    screen.type(`/room${KEY.enter}`);
    await screen.shows('lines go to everyone');
    screen.type(`for all${KEY.enter}`);
    expect(await alice.next(3)).toMatchObject({ login: 'eager', msg: 'for all' });
  });

  test('shows what others say above the line that is being typed, and keeps that line', async () => {
    const alice = await peer(port, 'alice');
    const screen = await chatOfTypist();
    screen.type('half a li');
    await screen.shows('half a li');
    alice.say('interruption');
    await screen.shows('alice: interruption\r\n');
    await screen.shows('> half a li');
    screen.type(`ne${KEY.enter}`);
    await alice.next(3);
    expect(await alice.next(3)).toMatchObject({ msg: 'half a line' });
  });

  test('shows what others say whole while a line is typed that is longer than the terminal is wide', async () => {
    const alice = await peer(port, 'alice');
    const screen = await chatOfTypist();
    screen.type('word '.repeat(20));
    await screen.shows('word '.repeat(10).trim());
    for (const text of ['interlude', 'interruption']) {
      alice.say(text);
      await screen.shows(`alice: ${text}\r\n`);
      await screen.shows('word '.repeat(10).trim());
    }
    screen.type(`done${KEY.enter}`);
    await screen.shows('typist: word');
    const behind = screen.stdout.toString().split('interruption\r\n')[1]!;
    // Up, before anything else is written there: onto the line that has just been shown.
    expect(behind).not.toMatch(/^[^>]*\u001B\[\d*A/);
  });

  test('goes on after it was stopped with Ctrl-Z and brought back', async () => {
    const alice = await peer(port, 'alice');
    const screen = onTerminal(`set -m; chatosbot chat --server ${at} --login sleeper; fg`);
    await screen.shows('/help shows how');
    await screen.shows('> ');
    screen.type(KEY.ctrlZ);
    await screen.shows('Stopped');
    await screen.shows('> ');
    screen.type(`awake again${KEY.enter}`);
    expect(await alice.next(3)).toMatchObject({ login: 'sleeper', msg: 'awake again' });
  });

  test('takes the first Ctrl-C for the line that is typed, and the second for the end', async () => {
    const screen = await chat('changing');
    screen.type('never mind');
    await screen.shows('never mind');
    screen.type(KEY.ctrlC);
    await screen.shows('> ');
    screen.type(KEY.ctrlC);
    expect(await screen.exit()).toMatchObject({ status: 130 });
  });

  test('asks about several lines that are pasted, and sends them as one message, which others cannot forge', async () => {
    const alice = await peer(port, 'alice');
    const screen = await chat('paster');
    screen.type('\u001B[200~one\n/quit\n\u001B[201~');
    await screen.shows('2 lines pasted: Enter sends them as one message');
    screen.type(KEY.enter);
    expect(await alice.next(3)).toMatchObject({ login: 'paster', msg: 'one\n/quit' });
    await screen.shows('paster: one\r\n');
    expect(screen.stdout.toString()).toMatch(/\r\n {11}\| \/quit\r\n/);
  });

  test('keeps what was typed for the next time, unless told otherwise', async () => {
    const alice = await peer(port, 'alice');
    const before = await chat('forgetful');
    before.type(`remember this${KEY.enter}`);
    await alice.next(3);
    before.type(KEY.ctrlD);
    await before.exit();
    const after = await chat('forgetful');
    after.type('\u001B[A');
    await after.shows('> remember this');
    const without = onTerminal(`chatosbot chat --server ${at} --login private --no-history`);
    await without.shows('> ');
    without.type(`secret${KEY.enter}`);
    await alice.next(3);
    without.type(KEY.ctrlD);
    expect((await without.exit()).stdout).not.toContain('remember');
    const again = await chat('forgetful-2');
    again.type('\u001B[A');
    await again.shows('> remember this');
  });

  test('completes a command and a login on TAB', async () => {
    const alice = await peer(port, 'alice-from-afar');
    const screen = await chat('lazy');
    alice.say('here');
    await screen.shows('alice-from-afar: here');
    screen.type('/ms\tal\thello\r');
    await alice.next(3);
    expect(await alice.next(4)).toMatchObject({ sender: 'lazy', msg: 'hello' });
  });

  test('outlives a restart of the server, and keeps the line that was typed meanwhile', async () => {
    const own = await serverHere();
    const screen = onTerminal(`chatosbot chat --server ${own.at} --login loyal`);
    await screen.shows('> ');
    screen.type('half a li');
    await screen.shows('half a li');
    await own.end();
    await screen.shows('[not connected]> half a li');
    screen.type(`ne${KEY.enter}`);
    await screen.shows('not sent: there is no connection to the server now');
    await screen.shows('[not connected]> half a line');
    start(['serve', '--listen', own.at]);
    await screen.shows('logged in again as loyal');
    await screen.shows('> half a line');
    screen.type(KEY.enter);
    await screen.shows('loyal: half a line\r\n');
    expect(screen.isRunning).toBe(true);
  });

  test('marks its own name where others say it, and shows colours unless NO_COLOR is set', async () => {
    const alice = await peer(port, 'alice');
    const coloured = onTerminal(`chatosbot chat --server ${at} --login nameful`, { env: { NO_COLOR: '' } });
    await coloured.shows('> ');
    const plain = await chat('colourless');
    alice.say('not namefulness, ask nameful');
    await coloured.shows('! \u001B[1;33malice:\u001B[0m not namefulness');
    alice.say('colourless?');
    await plain.shows('! alice: colourless?');
    alice.say('namefulness');
    await coloured.shows('alice: namefulness');
    expect(coloured.stdout.toString()).not.toMatch(/! \S*alice:\S* namefulness/);
  });

  test('shows escape sequences of others as text', async () => {
    const alice = await peer(port, 'alice');
    const screen = await chatOfTypist();
    alice.say('\u001B]0;owned\u0007\u001B[31mred');
    await screen.shows('red');
    expect(screen.stdout.toString()).toContain('alice: \\e]0;owned\\u{7}\\e[31mred');
  });

  test('shows in its prompt into which private connection lines go', async () => {
    const bob = await peer(port, 'bob');
    const screen = await chat('caller');
    screen.type(`/pipe bob${KEY.enter}`);
    const { half } = await acceptNext(bob, port);
    await screen.shows('[bob]> ');
    screen.type(`secret${KEY.enter}`);
    const data = await new Promise<Buffer>((resolve) => half.once('data', resolve));
    expect(String(data)).toBe('secret\n');
    screen.type(`/room${KEY.enter}`);
    await screen.shows('lines go to everyone');
  });

  test('goes on after a mistake, and carries out other commands while one waits', async () => {
    const alice = await peer(port, 'alice');
    const screen = await chatOfTypist();
    screen.type(`/nonsense${KEY.enter}/pipe nobody${KEY.enter}/msg alice still talking${KEY.enter}`);
    expect(await alice.next(4)).toMatchObject({ msg: 'still talking' });
    await screen.shows('there is no /nonsense; /help lists the commands');
  });

  test.each([
    ['Ctrl-D', KEY.ctrlD, 0],
    ['/quit', `/quit${KEY.enter}`, 0],
    ['Ctrl-C', KEY.ctrlC, 130],
  ])('ends on %s, and leaves the cursor on a line of its own', async (_, keys, status) => {
    const screen = await chat('leaver');
    screen.type(keys);
    const { status: code, stdout } = await screen.exit();
    expect(code).toBe(status);
    expect(stdout).toMatch(/\n$/);
    expect(stdout).not.toContain('the connection to the server is lost');
  });
});

describe.skipIf(!HAS_TERMINAL)('pipe, on a terminal', () => {
  /** A file of zeros, in the folder of the test. */
  function zeros(name: string, mebibytes: number): string {
    const file = openSync(path.join(LAB, name), 'w');
    ftruncateSync(file, mebibytes * 1024 * 1024);
    closeSync(file);
    return `../${name}`;
  }

  test('shows how far it is, and at the end how far it came', async () => {
    const bob = await peer(port, 'taker');
    const screen = onTerminal(`chatosbot pipe taker --server ${at} < ${zeros('small', 3)} > /dev/null`);
    const { half } = await acceptNext(bob, port);
    half.resume();
    await screen.shows('sent 3.0 MiB, ');
    half.end('thanks');
    await screen.shows('sent 3.0 MiB, received 6 B, ');
    expect(await screen.exit()).toMatchObject({ status: 0 });
  });

  test('shows the share of a file, on 20 columns too', async () => {
    const bob = await peer(port, 'reluctant');
    const file = zeros('large', 100);
    const wide = onTerminal(`chatosbot pipe reluctant --server ${at} < ${file} > /dev/null`);
    await acceptNext(bob, port);
    await wide.shows(' %, ');
    const narrow = onTerminal(`chatosbot pipe reluctant --server ${at} < ${file} > /dev/null`, { columns: 20 });
    await acceptNext(bob, port);
    await narrow.shows('\r\u001B[K');
    await narrow.shows('\r\u001B[K');
    const [, ...lines] = narrow.stdout.toString().split('\r\u001B[K');
    for (const line of lines) expect(line).toMatch(/^(?=.{0,19}$)(?:sent )?[\d.]+ [KM]?i?B, \d+ %/);
  });

  test('erases all of the line where the terminal has become narrower', async () => {
    const bob = await peer(port, 'shrinking');
    const file = zeros('longer', 100);
    execFileSync('mkfifo', [path.join(LAB, 'shrink')]);
    const screen = onTerminal(
      `(read -r _ < ../shrink; stty cols 20 < /dev/tty) & chatosbot pipe shrinking --server ${at} < ${file} > /dev/null`,
    );
    await acceptNext(bob, port);
    await screen.shows(' %, ');
    writeFileSync(path.join(LAB, 'shrink'), 'now\n');
    await screen.shows('\u001B[J');
    await screen.shows(' %');
    expect(screen.stdout.toString()).toMatch(/\r\u001B\[\dA\u001B\[J[\d.]+ MiB, \d+ %/);
  });

  /** Takes what comes in pieces, as a network does: as fast as it comes, it would keep the processor busy. */
  function takeSlowly(half: Socket): void {
    half.on('data', () => {
      half.pause();
      setTimeout(() => half.resume(), 20);
    });
  }

  test('shows no progress in the background, where it would wipe the prompt; then in the foreground it does', async () => {
    const bob = await peer(port, 'behind');
    const screen = onTerminal(
      `trap '' USR1; set -m; chatosbot pipe behind --server ${at} < /dev/zero > /dev/null & echo "pid $!."; read; fg`,
    );
    const { half } = await acceptNext(bob, port);
    takeSlowly(half);
    await screen.shows('private connection with behind');
    const [, pid] = /pid (\d+)\./.exec(screen.stdout.toString())!;
    // Until a second of the transfer has gone by, in which the line would have been drawn several times.
    const asking = setInterval(() => process.kill(-Number(pid), 'SIGUSR1'), 50);
    await screen.shows('/s, 1.').finally(() => clearInterval(asking));
    expect(screen.stdout.toString()).not.toContain('\u001B[K');
    screen.type(KEY.enter);
    await screen.shows('\u001B[Ksent ');
    screen.type(KEY.ctrlC);
    await screen.exit();
  });

  test('shows no progress among what is typed, but says how far it is on SIGUSR1', async () => {
    const bob = await peer(port, 'talker');
    const screen = onTerminal(
      `trap '' USR1; set -m; chatosbot pipe talker --server ${at} > /dev/null & echo "pid $!."; fg; echo "status $?"`,
    );
    await screen.shows('pid ');
    const { half } = await acceptNext(bob, port);
    const [, pid] = /pid (\d+)\./.exec(screen.stdout.toString())!;
    screen.type('hello\r');
    await new Promise((resolve) => half.once('data', resolve));
    process.kill(-Number(pid), 'SIGUSR1');
    await screen.shows('sent 6 B, received 0 B, ');
    screen.type(KEY.ctrlD);
    half.end();
    await screen.shows('status 0');
    expect(screen.stdout.toString()).not.toContain('\u001B[K');
  });

  test('shows no progress among the data, where that goes to the terminal too', async () => {
    const bob = await peer(port, 'mixed');
    const screen = onTerminal(`chatosbot pipe mixed --server ${at} < /dev/null`);
    const { half } = await acceptNext(bob, port);
    half.end('data');
    const { stdout } = await screen.exit();
    expect(stdout).toMatch(/private connection with mixed\r\ndata/);
    expect(stdout).not.toContain('sent 0 B');
  });

  test('shows what a stranger sends as text, unless --raw is given', async () => {
    const bob = await peer(port, 'stranger');
    const hostile = Buffer.from('ü\tone\n\u001B]0;owned\u0007\u009B31mred');
    for (const [flag, expected] of [
      ['', 'ü\tone\r\n\\e]0;owned\\u{7}\\u{9b}31mred'],
      ['--raw', hostile.toString().replace('\n', '\r\n')],
    ]) {
      const screen = onTerminal(`chatosbot pipe -q ${flag} stranger --server ${at} < /dev/null`);
      const { half } = await acceptNext(bob, port);
      half.setNoDelay();
      for (const byte of hostile) await new Promise((resolve) => half.write(Buffer.from([byte]), resolve));
      half.end();
      expect(await screen.exit()).toMatchObject({ status: 0, stdout: expected });
    }
  });

  test('works in the background, with its input being the terminal', async () => {
    const screen = onTerminal(
      `set -m
       chatosbot pipe --listen --login ear --server ${at} > ../heard &
       echo hello | chatosbot pipe ear --server ${at}
       wait; jobs; echo "over: $(cat ../heard)"`,
    );
    expect(await screen.exit()).toMatchObject({ stdout: expect.stringMatching(/over: hello\r\n$/) });
  });

  test('leaves the terminal as it is when it ends in the background', async () => {
    const screen = onTerminal(
      `set -m; stty -echo; chatosbot pipe --listen --login lurker --server ${at} & read -r; stty echo
       kill -INT -$!; wait $!; echo "status $?"; stty -a | grep -o '[-]*echo '`,
    );
    await screen.shows('waiting for a private connection');
    screen.type(KEY.enter);
    expect(await screen.exit()).toMatchObject({ stdout: expect.stringMatching(/status 130\r\necho \r\n$/) });
  });

  test('ends when the peer has sent something and ended, where that goes to a file', async () => {
    const bob = await peer(port, 'sender');
    const screen = onTerminal(`chatosbot pipe sender --server ${at} > ../received; echo "status $?"`);
    const { half } = await acceptNext(bob, port);
    half.end('data');
    expect(await screen.exit()).toMatchObject({ stdout: expect.stringMatching(/status 0\r\n$/) });
  });

  test.each([
    ['and nothing has come', '> ../received', ''],
    ['and what has come is shown', '', 'data'],
  ])('goes on sending what is typed when the peer has ended %s, until Ctrl-D', async (_, redirection, said) => {
    const name = `typist-${said.length}`;
    const bob = await peer(port, name);
    const screen = onTerminal(`chatosbot pipe ${name} --server ${at} ${redirection}; echo "status $?"`);
    const { half } = await acceptNext(bob, port);
    half.end(said);
    await screen.shows(`${name} has ended its side; press Ctrl-D to end yours`);
    screen.type('an answer\r');
    screen.type(KEY.ctrlD);
    expect(String(await readAll(half))).toBe('an answer\n');
    expect(await screen.exit()).toMatchObject({ stdout: expect.stringMatching(/status 0\r\n$/) });
  });

  test('says what to type at the other side, in words for a shell', async () => {
    const screen = onTerminal(`chatosbot pipe --listen --login "o'hara" --server '${at}?longBytes=8'`);
    await screen.shows(`the other side runs: chatosbot pipe --server 'tcp://${at}?longBytes=8' 'o'\\''hara'`);
    await screen.shows("elsewhere: with this machine's name, if the server listens beyond 127.0.0.1");
    expect(screen.stdout.toString()).toContain('waiting for a private connection');
  });

  test('says why that may be when there is no answer after a moment', async () => {
    const screen = onTerminal(`chatosbot pipe nobody --login ann --server ${at}`);
    await screen.shows('asking nobody');
    await screen.shows(
      `no answer yet: it is busy, or there is no 'pipe --listen' with the login nobody on tcp://${at}`,
    );
    screen.type(KEY.ctrlC);
    expect(await screen.exit()).toMatchObject({ status: 130 });
  });

  test('shows no progress with -q', async () => {
    const bob = await peer(port, 'hush');
    const screen = onTerminal(`chatosbot pipe -q hush --server ${at} < /dev/null`);
    const { half } = await acceptNext(bob, port);
    half.end('data');
    expect(await screen.exit()).toMatchObject({ status: 0, stdout: 'data' });
  });

  test('ends on Ctrl-C with 130, with the figures and without a trace, and the peer sees a reset', async () => {
    const bob = await peer(port, 'cut');
    const screen = onTerminal(`chatosbot pipe cut --server ${at} < /dev/zero > /dev/null`);
    const { half } = await acceptNext(bob, port);
    const end = fate(half);
    takeSlowly(half);
    await screen.shows('MiB/s');
    screen.type(KEY.ctrlC);
    expect(await end).toBe('reset');
    const { status, stdout } = await screen.exit();
    expect(status).toBe(130);
    expect(stdout).toMatch(/sent [\d.]+ [MG]iB, received 0 B, [^\r\n]+\r\n$/);
    expect(stdout).not.toMatch(/^ +at /m);
  });

  test('passes on lines as they are typed, until Ctrl-D', async () => {
    const bob = await peer(port, 'lines');
    const screen = onTerminal(`chatosbot pipe -q lines --server ${at}`);
    const { half } = await acceptNext(bob, port);
    screen.type('one\r');
    expect(String(await new Promise((resolve) => half.once('data', resolve)))).toBe('one\n');
    const end = fate(half);
    screen.type(KEY.ctrlD);
    expect(await end).toBe('end');
    half.end('two\n');
    await screen.shows('two');
    expect(await screen.exit()).toMatchObject({ status: 0 });
  });

  test('takes a terminal that closes for no end of what is typed: the peer sees a reset', async () => {
    const bob = await peer(port, 'gone');
    const screen = onTerminal(`chatosbot pipe -q gone --server ${at}`);
    const { half } = await acceptNext(bob, port);
    screen.type('one\r');
    await once(half, 'data');
    const end = fate(half);
    screen.kill('SIGKILL');
    expect(await end).toBe('reset');
  });

  test('reads a terminal that no shell has, as a serial line, until it closes, which is a failure', async () => {
    const bob = await peer(port, 'serial');
    const line = typedInto(['pipe', 'serial', '--server', at]);
    const { half } = await acceptNext(bob, port);
    line.type('reading\n');
    expect(String(await once(half, 'data'))).toBe('reading\n');
    const end = fate(half);
    line.stdin.end();
    expect(await failure(line)).toEqual({
      status: 75,
      last: 'chatosbot: cannot read standard input: input/output error',
    });
    expect(await end).toBe('reset');
  });

  test('ends on a signal where the terminal takes nothing, as after Ctrl-S', async () => {
    const bob = await peer(port, 'stopped');
    const pid = path.join(LAB, 'stopped.pid');
    const program = `"${process.execPath}" "${MAIN}" pipe -q stopped --server ${at}`;
    onTerminal(`echo $$ > ${pid}; exec ${program} < <(exec sleep 100)`, { output: stalledOutput('stopped') });
    const { half } = await acceptNext(bob, port);
    const end = fate(half);
    // More than what can be on its way: the last of it has gone only when nothing moves any more.
    half.write(Buffer.alloc(16 * 1024 * 1024, 'x'));
    for (let sent = -1; sent !== half.bytesWritten - half.writableLength; await sleep(300)) {
      sent = half.bytesWritten - half.writableLength;
    }
    process.kill(Number(readFileSync(pid, 'utf8')), 'SIGTERM');
    expect(await end).toBe('reset');
  });
});
