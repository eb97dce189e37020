import { beforeAll, expect, test } from 'vitest';
import { FakeServer, type FakeConnection } from '../support/fake-server.ts';
import { packet, str, type RfcPeer } from '../support/rfc-peer.ts';
import { failure, labFile, run, start } from './chatosbot.ts';
import { runShared } from './shared-process.ts';
import { peer } from './peers.ts';
import { serverHere } from './server-here.ts';
import { sharedServer } from './shared-server.ts';

let at: string;
let port: number;

beforeAll(async () => {
  ({ at, port } = await sharedServer());
});

/** The next messages to everyone, as the server passes them on. */
async function hear(listener: RfcPeer, count: number): Promise<string[]> {
  const heard: string[] = [];
  while (heard.length < count) heard.push((await listener.next(3)).msg);
  return heard;
}

test('say sends its words as one message to everyone, in silence', async () => {
  const alice = await peer(port, 'alice');
  const ended = await runShared(['say', 'Stand-up', 'in', 'five minutes', '--server', at, '--login', 'bell']);
  expect(ended).toMatchObject({ status: 0, stdout: '', stderr: '' });
  expect(await alice.next(3)).toEqual({ op: 3, login: 'bell', msg: 'Stand-up in five minutes' });
});

test('say takes a text that begins with a dash after --', async () => {
  const alice = await peer(port, 'alice');
  await runShared(['say', '--server', at, '--', '-5', 'degrees']);
  expect(await alice.next(3)).toMatchObject({ msg: '-5 degrees' });
});

test('say --to sends to one login alone', async () => {
  const [alice, bob] = await Promise.all([peer(port, 'alice'), peer(port, 'bob')]);
  const ended = await runShared(['say', '--to', 'alice', 'psst', '--server', at, '--login', 'whisper']);
  expect(ended).toMatchObject({ status: 0, stdout: '', stderr: '' });
  expect(await alice.next(4)).toEqual({ op: 4, sender: 'whisper', target: 'alice', msg: 'psst' });
  alice.tell('bob', 'done');
  expect(await bob.next()).toMatchObject({ op: 4, sender: 'alice' });
});

test('say - sends each line of its input that is not blank, in order, as they come', async () => {
  const alice = await peer(port, 'alice');
  const tail = start(['say', '-', '--server', at], { input: 'open' });
  tail.type('first\nsecond\r\n\n \t\n');
  expect(await hear(alice, 2)).toEqual(['first', 'second']);
  tail.stdin.end('   indented, and the last line has no end');
  expect(await hear(alice, 1)).toEqual(['   indented, and the last line has no end']);
  expect(await tail.exit()).toMatchObject({ status: 0, stdout: '', stderr: '' });
});

test('say - loses no line of a long input', async () => {
  const alice = await peer(port, 'alice');
  const lines = Array.from({ length: 2000 }, (_, index) => `line ${index}`);
  const [ended, heard] = await Promise.all([
    run(['say', '-', '--server', at], { input: lines.join('\n') }),
    hear(alice, lines.length),
  ]);
  expect(heard).toEqual(lines);
  expect(ended).toMatchObject({ status: 0, stderr: '' });
});

test('say - with nothing to say is done with 0', async () => {
  expect(await run(['say', '-', '--server', at])).toMatchObject({ status: 0, stdout: '', stderr: '' });
});

test('say --wait-for-answer prints the first private message that comes back', async () => {
  const bob = await peer(port, 'answering');
  const asking = start(['say', '--server', at, '--login', 'asker', '--to', 'answering', '--wait-for-answer', 'eh?']);
  await bob.next(4);
  bob.say('not this');
  bob.tell('asker', 'this');
  bob.tell('asker', 'nor this');
  expect(await asking.exit()).toMatchObject({ status: 0, stdout: 'this\n', stderr: '' });
});

test('say --wait-for-answer takes nothing for the answer that came before its message was sent', async () => {
  const server = await FakeServer.listen();
  const flags = ['--login', 'asker', '--to', 'dice', '--wait-for-answer'];
  const asking = start(['say', '--server', server.address, ...flags, 'eh?']);
  const session = await server.login(packet(4, str('dice'), str('asker'), str('early')));
  expect((await session.next(4)).msg).toBe('eh?');
  session.send(packet(4, str('dice'), str('asker'), str('late')));
  expect(await asking.exit()).toMatchObject({ status: 0, stdout: 'late\n' });
});

test('say --wait-for-answer exits with 124 without one in time, and with 2 without --to', async () => {
  await peer(port, 'silent');
  const asked = ['say', '--server', at, '--to', 'silent', '--wait-for-answer', '--answer-timeout', '0.2', 'eh?'];
  const asking = start(asked);
  expect(await failure(asking)).toEqual({ status: 124, last: 'chatosbot: no answer from silent within 0.2 s' });
  const none = await runShared(['say', '--server', at, 'eh?', '--wait-for-answer']);
  expect(none).toMatchObject({ status: 2, stderr: expect.stringContaining('--wait-for-answer needs --to') });
  const late = await run(['say', '--server', at, '--to', 'silent', '--answer-timeout', '5', 'eh?']);
  expect(late).toMatchObject({ status: 2, stderr: expect.stringContaining('--answer-timeout needs --wait') });
});

test('say splits a long text between words, into messages that the protocol allows', async () => {
  const alice = await peer(port, 'alice');
  const text = Array.from({ length: 400 }, (_, index) => `wörd${index}`).join(' ');
  const [ended, heard] = await Promise.all([runShared(['say', text, '--server', at]), hear(alice, 4)]);
  expect(ended).toMatchObject({ status: 0 });
  expect(heard.join(' ')).toBe(text);
  for (const part of heard) expect(Buffer.byteLength(part)).toBeLessThanOrEqual(1024);
});

test('say splits a text without spaces between characters, never inside one', async () => {
  const alice = await peer(port, 'alice');
  const text = '🙂'.repeat(300);
  const [ended, heard] = await Promise.all([runShared(['say', text, '--server', at]), hear(alice, 2)]);
  expect(ended).toMatchObject({ status: 0 });
  expect(heard.join('')).toBe(text);
});

test('say --json reports each message that was sent', async () => {
  const all = await run(['say', '--json', '-', '--server', at], { input: 'one\ntwo\n' });
  expect(all).toMatchObject({ status: 0, stderr: '' });
  expect(
    all.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([
    { type: 'sent', to: null, text: 'one' },
    { type: 'sent', to: null, text: 'two' },
  ]);
  const one = await runShared(['say', '--json', '--to', 'alice', 'hi', '--server', at]);
  expect(JSON.parse(one.stdout)).toEqual({ type: 'sent', to: 'alice', text: 'hi' });
});

test('say exits with 69 where there is no server', async () => {
  expect(await runShared(['say', 'hi', '--server', '127.0.0.1:1'])).toEqual({
    status: 69,
    signal: null,
    stdout: '',
    stderr: 'chatosbot: cannot connect to tcp://127.0.0.1:1: connection refused; is the server running?\n',
  });
});

test('say exits with 77 where its login is taken', async () => {
  await peer(port, 'taken');
  const ended = await runShared(['say', 'hi', '--server', at, '--login', 'taken']);
  expect(ended).toMatchObject({ status: 77, stdout: '', stderr: expect.stringContaining("the login 'taken'") });
});

test('say exits with 75 where the server goes away in the middle', async () => {
  const server = await FakeServer.listen();
  const one = start(['say', 'hi', '--server', server.address]);
  const session = await server.login();
  await session.next(3);
  session.reset();
  expect(await failure(one)).toMatchObject({ status: 75 });
});

test('say - goes on when the server is back, and sends again only what it had not confirmed', async () => {
  const server = await FakeServer.listen();
  const tail = start(['say', '-', '--login', 'tail', '--server', server.address], { input: 'open' });
  const confirm = async (session: FakeConnection): Promise<void> => {
    const { sender, target, msg } = await session.next(4);
    session.send(packet(4, str(sender), str(target), str(msg)));
  };
  const first = await server.login();
  // Whether it answers is asked at the beginning of each session.
  await confirm(first);
  tail.type('one\n');
  expect((await first.next(3)).msg).toBe('one');
  await confirm(first);
  tail.type('two\n');
  expect((await first.next(3)).msg).toBe('two');
  first.reset();
  await tail.line(/^trying again: /);
  const second = await server.login();
  await confirm(second);
  await tail.line(/^logged in again as tail/);
  expect((await second.next(3)).msg).toBe('two');
  await confirm(second);
  tail.stdin.end('three\n');
  expect((await second.next(3)).msg).toBe('three');
  await confirm(second);
  expect(await second.ended()).toBe('end');
  second.end();
  expect(await tail.exit()).toMatchObject({ status: 0, stdout: '' });
});

test('say - gives up with 69 when the server does not come back within 60 s', async () => {
  // A minute goes by in a second.
  const hurry = labFile(
    'hurry.mjs',
    'const { setTimeout } = globalThis; globalThis.setTimeout = (act, ms, ...more) => setTimeout(act, ms === 60_000 ? 1_000 : ms, ...more);',
  );
  const gone = await serverHere();
  const here = gone.at;
  const env = { NODE_OPTIONS: `--import ${hurry}` };
  const tail = start(['say', '-', '--server', here], { input: 'open', env });
  const listener = await peer(gone.port, 'ear');
  tail.type('one\n');
  await listener.next(3);
  await gone.end();
  await tail.line(/^trying again: /);
  tail.type('two\n');
  expect(await failure(tail)).toEqual({ status: 69, last: `chatosbot: tcp://${here} has not come back within 60 s` });
});

test('say --retry waits for its login to be free, and gives up when --wait is over', async () => {
  const holder = await peer(port, 'held');
  const args = ['say', 'at last', '--server', at, '--login', 'held', '--retry'];
  const late = await runShared([...args, '--wait', '0.5']);
  expect(late).toMatchObject({
    status: 77,
    stdout: '',
    stderr: expect.stringMatching(/^trying again: .*\nchatosbot: /),
  });
  const alice = await peer(port, 'alice-r');
  const waiting = start(args);
  await waiting.line(/^trying again: .*'held'/);
  holder.end();
  expect((await alice.next(3)).msg).toBe('at last');
  expect(await waiting.exit()).toMatchObject({ status: 0, stdout: '' });
});

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('say - ends on %s with %i, and what it said before has arrived', async (signal, status) => {
  const alice = await peer(port, `ear-${signal}`);
  const tail = start(['say', '-', '--server', at], { input: 'open' });
  tail.type('before\n');
  expect((await alice.next(3)).msg).toBe('before');
  tail.kill(signal);
  expect(await tail.exit()).toMatchObject({ status, stdout: '', stderr: '' });
});

test.each([
  [[], 'missing required argument'],
  [['hi', '--wait', '5'], '--wait needs --retry'],
  [['hi', '--to', ''], 'it cannot be a login: it is empty'],
  [['hi', '--to', 'x'.repeat(31)], '31 bytes long'],
])('say %j is a mistake that it explains, with 2', async (args, why) => {
  const ended = await runShared(['say', ...args, '--server', at]);
  expect(ended).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining(why) });
});
