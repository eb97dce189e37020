import { expect, it } from 'vitest';
import { connect, ending, openChannel, startServer } from './real-server.ts';

it('many channels that end at once cost a few questions to the server, not one for each', async () => {
  const { server, address } = await startServer();
  const [alice, bob] = [await connect(address, 'alice'), await connect(address, 'bob')];
  const channels = [];
  for (let i = 0; i < 40; i++) channels.push(await openChannel(alice, bob));
  const { messages, accepted } = server.stats;
  const ends = channels.map(([here]) => ending(here));
  for (const [, there] of channels) there.end();
  expect(new Set(await Promise.all(ends))).toEqual(new Set(['end']));
  expect(server.stats.messages - messages).toBeLessThan(10);
  expect(server.stats.accepted).toBe(accepted);
});
