/** Dialogues of bots, which outlive the process. */
import path from 'node:path';
import { expect, test } from 'vitest';
import { LAB, labFile, start, type Options } from './chatosbot.ts';
import { peer } from './peers.ts';
import { serverHere } from './server-here.ts';

const bot = (name: string): string => `
import { defineDialogue } from 'chatosbot';
const order = defineDialogue({
  data: {},
  steps: {
    size: { ask: 'Which size?', run: ({ answer, data }) => { data.size = answer; }, next: 'street' },
    street: { ask: 'Where to?', run: ({ answer, data, message }) => message.reply(data.size + ' to ' + answer) },
  },
});
export const name = '${name}';
export const dialogues = { order };
export const onMessage = (message, ctx) => ctx.begin(order, message);
`;

test.each([[], ['--isolate'], ['--watch']])('a dialogue goes on after kill -9 (run %s)', async (...how) => {
  const { at, port } = await serverHere();
  const name = `shop${how.join('')}`;
  const file = labFile(`dialogues/${name}.mjs`, bot(name));
  const there: Options = { cwd: path.join(LAB, 'dialogues') };
  const command = ['run', file, '--server', at, ...how];
  const before = start(command, there);
  await before.line(/logged in/);
  const alice = await peer(port, 'alice');
  const talk = async (text: string): Promise<string> => {
    alice.tell(name, text);
    return (await alice.next(4)).msg;
  };
  expect(await talk('hi')).toBe('Which size?');
  expect(await talk('large')).toBe('Where to?');
  before.kill('SIGKILL');
  await before.exit();
  const after = start(command, there);
  await after.line(/logged in/);
  alice.tell(name, 'High Street');
  // The question may have left just before the kill: then it is asked again.
  let { msg } = await alice.next(4);
  if (msg === 'Where to?') ({ msg } = await alice.next(4));
  expect(msg).toBe('large to High Street');
  after.kill('SIGTERM');
  expect(await after.exit()).toMatchObject({ status: 0 });
});
