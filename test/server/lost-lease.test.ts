import { expect, onTestFinished, test } from 'vitest';
import type { Others } from '../../src/server/others.ts';
import { ChatosServer } from '../../src/server/server.ts';
import { RfcPeer } from '../support/rfc-peer.ts';

/** Other processes that there are none of, and a lease that can end. */
function nobodyElse() {
  const nothing = (): void => undefined;
  const state = { hasEnded: false };
  const others: Others = {
    homes: { isHere: () => true, draw: () => 1n },
    get hasEnded() {
      return state.hasEnded;
    },
    sessionId: String,
    attach: nothing,
    holdBack: nothing,
    post: nothing,
    tell: nothing,
    request: nothing,
    pendingOf: () => 0,
    behind: nothing,
    countId: async () => 'counted',
    discountId: nothing,
    close: async () => 'late',
    handOver: () => false,
    unanswered: nothing,
    identified: nothing,
    channelOpened: nothing,
    channelEnded: nothing,
    tellSources: nothing,
    parties: () => [],
  };
  return { state, others };
}

test('nothing is done of what a client says once others may have its login', async () => {
  const { state, others } = nobodyElse();
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
