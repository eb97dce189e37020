import { expect, onTestFinished, test } from 'vitest';
import { ChatosServer } from '../../src/server/server.ts';
import { nobodyElse } from '../support/nobody-else.ts';
import { RfcPeer } from '../support/rfc-peer.ts';

test('nothing is done of what a client says once others may have its login', async () => {
  const state = { hasEnded: false };
  const others = nobodyElse({
    get hasEnded() {
      return state.hasEnded;
    },
  });
  const server = new ChatosServer({ others });
  onTestFinished(() => server.close());
  const { port } = await server.listen('127.0.0.1:0');
  const [one, two] = [await RfcPeer.connect(port), await RfcPeer.connect(port)];
  for (const [each, name] of [
    [one, 'one'],
    [two, 'two'],
  ] as const) {
    onTestFinished(each.destroy);
    await each.login(name);
  }
  const said: string[] = [];
  server.on('message', (_, __, text) => said.push(text));
  one.tell('two', 'before');
  expect(await two.next(4)).toMatchObject({ msg: 'before' });
  state.hasEnded = true;
  one.tell('two', 'late');
  one.say('late');
  one.request('two');
  one.end();
  await one.ended;
  state.hasEnded = false;
  two.tell('two', 'after');
  expect(await two.next(4)).toMatchObject({ msg: 'after' });
  expect(said).toEqual(['before', 'after']);
});
