import { beforeAll, describe, expect, test } from 'vitest';
import { run, shell, start, startChat } from './chatosbot.ts';
import { ask, peer } from './peers.ts';
import { serverHere } from './server-here.ts';
import { sharedServer } from './shared-server.ts';

let at: string;
let port: number;

beforeAll(async () => {
  ({ at, port } = await sharedServer());
});

describe('chat, from a script', () => {
  test('says lines to everyone, and shows who said what when', async () => {
    const alice = await peer(port, 'alice');
    const { chat: script, me } = await startChat(at);
    script.type('hello everybody\n');
    expect(await alice.next(3)).toMatchObject({ login: me, msg: 'hello everybody' });
    alice.say('welcome');
    const own = await script.line(/hello everybody/, 'stdout');
    expect(own.input).toMatch(new RegExp(`^\\d\\d:\\d\\d:\\d\\d ${me}: hello everybody$`));
    const other = await script.line(/welcome/, 'stdout');
    expect(other.input).toMatch(/^\d\d:\d\d:\d\d alice: welcome$/);
  });

  test('says something to one with /msg, and shows what is said to it alone', async () => {
    const bob = await peer(port, 'bob');
    const { chat: script, me } = await startChat(at);
    script.type('/msg bob for  your ears\n');
    expect(await bob.next(4)).toEqual({ op: 4, sender: me, target: 'bob', msg: 'for  your ears' });
    expect((await script.line(/ears/, 'stdout')).input).toMatch(new RegExp(` ${me} -> bob: for {2}your ears$`));
    bob.tell(me, 'heard');
    expect((await script.line(/heard/, 'stdout')).input).toMatch(new RegExp(` bob -> ${me}: heard$`));
  });

  test('tells of a command that there is not, which one was meant, and fails with 2 at its end', async () => {
    const alice = await peer(port, 'alice');
    const ended = await run(['chat', '--server', at], { input: '/mssg alice hi\n/nonsense\n/msg alice\nstill here\n' });
    expect(await alice.next(3)).toMatchObject({ msg: 'still here' });
    expect(ended.status).toBe(2);
    expect(ended.stderr).toContain('* there is no /mssg; did you mean /msg?\n');
    expect(ended.stderr).toContain('* there is no /nonsense; /help lists the commands\n');
    expect(ended.stderr).toContain('* usage: /msg PEER TEXT\n');
    expect(ended.stderr).not.toMatch(/^ +at /m);
  });

  test('says a line that begins with a slash where it is doubled, and leaves at /quit', async () => {
    const alice = await peer(port, 'alice');
    const ended = await run(['chat', '--server', at], { input: '//etc/hosts\n/quit\nnever said\n' });
    expect(ended).toMatchObject({ status: 0 });
    expect(await alice.next(3)).toMatchObject({ msg: '/etc/hosts' });
    alice.say('end');
    expect(await alice.next(3)).toMatchObject({ msg: 'end' });
  });

  test('shows all commands with /help', async () => {
    const { stderr } = await run(['chat', '--server', at], { input: '/help\n' });
    for (const name of ['msg', 'pipe', 'accept', 'refuse', 'room', 'close', 'help', 'quit']) {
      expect(stderr).toMatch(new RegExp(`^\\* /${name}\\b`, 'm'));
    }
  });

  test('splits a long line into messages', async () => {
    const alice = await peer(port, 'alice');
    const line = 'word '.repeat(300).trim();
    await run(['chat', '--server', at], { input: `${line}\n` });
    expect(`${(await alice.next(3)).msg} ${(await alice.next(3)).msg}`).toBe(line);
  });

  test('shows escape sequences of others as text, in messages and over private connections', async () => {
    const evil = '\u001B]0;owned\u0007\u001B[2J\r\u009B31mred\u202Etxt.exe';
    const harry = await peer(port, 'harry');
    const { chat: script, me } = await startChat(at);
    harry.say(`A${evil}`);
    harry.tell(me, `B${evil}`);
    await script.line(/B/, 'stdout');
    script.type('/accept harry\n');
    const { half } = await ask(harry, port, me);
    half.write(`C${evil}\n`);
    await script.line(/C/, 'stdout');
    half.resetAndDestroy();
    await script.line(/lines are not sent/);
    for (const said of ['harry: A', `harry -> ${me}: B`, '[harry]: C']) {
      expect(script.stdout.toString()).toContain(`${said}\\e]0;owned\\u{7}\\e[2J\\r\\u{9b}31mred\\u{202e}txt.exe\n`);
    }
    expect(script.stdout.toString() + script.stderr).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202E]/);
  });

  test('waits with --linger for what others say after the script has ended', async () => {
    const alice = await peer(port, 'alice');
    const script = start(['chat', '--server', at, '--linger', '60'], { input: 'question\n' });
    await alice.next(3);
    alice.say('answer');
    await script.line(/alice: answer/, 'stdout');
    script.kill('SIGINT');
    expect(await script.exit()).toMatchObject({ status: 130 });
  });

  test('exits with 75 where the server goes away', async () => {
    const server = await serverHere();
    const script = start(['chat', '--server', server.at], { input: 'open' });
    await script.line(/logged in as/);
    await server.end();
    const { status, stderr } = await script.exit();
    expect(status).toBe(75);
    expect(stderr).toMatch(/\nchatosbot: tcp:\S+ closed the connection\n$/);
  });

  test('ends with 141 when its reader has had enough', async () => {
    const alice = await peer(port, 'alice');
    const piping = shell(`chatosbot chat --login tail | head -n 1 >/dev/null; echo "\${PIPESTATUS[0]}"`, {
      env: { CHATOSBOT_SERVER: at },
      input: 'open',
    });
    await piping.line(/logged in as tail/);
    const more = setInterval(() => alice.say('and another thing'), 20);
    const { stdout, stderr } = await piping.exit(5_000).finally(() => clearInterval(more));
    expect({ stdout, stderr }).toEqual({ stdout: '141\n', stderr: expect.stringMatching(/^\* logged in as .*\n$/) });
  });
});

describe('chat --json', () => {
  test('shows everything in lines of JSON: who, to whom, what, when', async () => {
    const jane = await peer(port, 'jane');
    const { chat: script, me } = await startChat(at, ['--json']);
    jane.say('to all');
    jane.tell(me, 'to you');
    await script.line(/to you/, 'stdout');
    script.type('/msg jane and back\n/nonsense\n');
    await script.line(/nonsense/, 'stdout');
    script.stdin.end();
    const { stdout, stderr } = await script.exit();
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { time: string; type: string });
    for (const { time } of events) expect(new Date(time).toISOString()).toBe(time);
    expect(events).toContainEqual(expect.objectContaining({ type: 'message', from: 'jane', text: 'to all' }));
    expect(events).toContainEqual(expect.objectContaining({ type: 'private', from: 'jane', to: me, text: 'to you' }));
    expect(events).toContainEqual(expect.objectContaining({ type: 'private', from: me, to: 'jane', text: 'and back' }));
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'notice', text: expect.stringContaining('/nonsense') }),
    );
    expect(JSON.parse(stderr)).toMatchObject({ type: 'error', code: 'INVALID_ARGUMENT' });
  });
});
