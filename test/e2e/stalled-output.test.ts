import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test, beforeAll } from 'vitest';
import { LAB, start, startServer } from './chatosbot.ts';
import { peer } from './peers.ts';

let at: string;
let port: number;

beforeAll(async () => {
  ({ at, port } = await startServer());
});

/** A pipe that is full, and that nobody reads. */
function stalledOutput(name: string): number {
  const fifo = path.join(LAB, name);
  execFileSync('mkfifo', [fifo]);
  const filler = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  const output = openSync(fifo, 'r+');
  onTestFinished(() => {
    closeSync(filler);
    closeSync(output);
  });
  try {
    for (;;) writeSync(filler, Buffer.alloc(4096));
  } catch {
    return output;
  }
}

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
