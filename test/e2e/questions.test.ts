/** Questions of bots that stop, or are reloaded, before they are answered. */
import { expect, test } from 'vitest';
import { labFile, start } from './chatosbot.ts';
import { peer } from './peers.ts';
import { serverHere } from './server-here.ts';

const bot = (version: number): string => `
export const onMessage = async (message) => {
  try {
    await message.reply('v${version}: ' + (await message.ask('Well?')).text);
  } catch (error) {
    console.error('asked in vain: ' + error.code);
    throw error;
  }
};
`;

test('run waits for answers when it stops, and says so', async () => {
  const { at, port } = await serverHere();
  const file = labFile('questions/stops.mjs', bot(1));
  const command = start(['run', file, '--server', at, '--drain', '60']);
  await command.line(/^stops: logged in/);
  const alice = await peer(port, 'alice');
  alice.tell('stops', 'hi');
  await alice.next(4);
  command.kill('SIGTERM');
  await command.line(/^stopping on SIGTERM, waiting up to 60 s for 1 question$/);
  alice.tell('stops', 'not yet gone?');
  expect((await alice.next(4)).msg).toBe('v1: not yet gone?');
  expect(await command.exit()).toMatchObject({ status: 0 });
});

test.each(['run', '--isolate'])('%s tells who was asked when the drain time is over', async (how) => {
  const { at, port } = await serverHere();
  const file = labFile(`questions/ends${how}.mjs`, bot(1));
  const isolate = how === 'run' ? [] : [how];
  const command = start(['run', file, '--server', at, '--login', 'ends', '--drain', '0.5', ...isolate]);
  await command.line(/logged in as ends/);
  const alice = await peer(port, 'alice');
  alice.tell('ends', 'hi');
  await alice.next(4);
  command.kill('SIGTERM');
  expect((await alice.next(4)).msg).toBe('I am going offline: please ask again later.');
  expect(await command.exit()).toMatchObject({ status: 0 });
  expect(command.stderr).toMatch(/asked in vain: INTERRUPTED/);
  expect(command.stderr).not.toMatch(/failed|still running/);
});

test('run --watch lets the old version have its answers', async () => {
  const { at, port } = await serverHere();
  const file = labFile('questions/watched.mjs', bot(1));
  const command = start(['run', file, '--server', at, '--watch', '--drain', '60', '--log-level', 'debug']);
  await command.line(/^watched: logged in/);
  const [alice, bob] = [await peer(port, 'alice'), await peer(port, 'bob')];
  alice.tell('watched', 'hi');
  await alice.next(4);
  labFile('questions/watched.mjs', `${bot(2)}console.error('loaded again');\n`);
  await command.line(/loaded again/);
  bob.tell('watched', 'hi');
  alice.tell('watched', 'in time');
  expect((await alice.next(4)).msg).toBe('v1: in time');
  await command.line(/^watched: reloaded$/);
  expect((await bob.next(4)).msg).toBe('Well?');
  bob.tell('watched', 'yes');
  expect((await bob.next(4)).msg).toBe('v2: yes');
  command.kill('SIGTERM');
  await command.exit();
});
