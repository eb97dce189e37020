import { expect, test, beforeAll } from 'vitest';
import { start } from './chatosbot.ts';
import { peer } from './peers.ts';
import { sharedServer } from './shared-server.ts';
import { stalledOutput } from './stalled-pipe.ts';

let at: string;
let port: number;

beforeAll(async () => {
  ({ at, port } = await sharedServer());
});

test('say ends on the first Ctrl-C where the reader of its output has stalled', async () => {
  const alice = await peer(port, 'alice');
  const say = start(['say', '--json', 'hello', '--server', at, '--login', 'sayer'], { output: stalledOutput('say') });
  await alice.next(3);
  say.kill('SIGINT');
  expect(await say.exit(5_000)).toMatchObject({ status: 130 });
});

test('chat ends on the first Ctrl-C where the reader of its output has stalled', async () => {
  const bob = await peer(port, 'bob');
  const chat = start(['chat', '--server', at, '--login', 'chatter'], { input: 'open', output: stalledOutput('chat') });
  await chat.line(/logged in as/);
  bob.say('hello');
  await bob.next(3);
  chat.kill('SIGINT');
  expect(await chat.exit(5_000)).toMatchObject({ status: 130 });
});
