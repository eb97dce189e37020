import { expect, it } from 'vitest';
import type { Link } from '../../../src/cluster/workers/link.ts';
import { Peer } from '../../../src/cluster/workers/peer.ts';
import { within } from '../../support/server-sockets.ts';

function met(): { peer: Peer; noted: unknown[] } {
  const noted: unknown[] = [];
  const link = { note: (what: unknown) => noted.push(what) };
  return { peer: new Peer({ slot: 0, number: 1 }, link as object as Link, 1), noted };
}
const ask = (peer: Peer): Promise<string> =>
  peer.ask((question) => ({ is: 'idOver', connectId: BigInt(question) }), 'gone');

it('each question to another worker gets its own answer, once', async () => {
  const { peer, noted } = met();
  const [one, two] = [ask(peer), ask(peer)];
  expect(noted).toEqual([
    { is: 'idOver', connectId: 1n },
    { is: 'idOver', connectId: 2n },
  ]);
  peer.onAnswer(2, 'second');
  peer.onAnswer(1, 'first');
  peer.onAnswer(1, 'again');
  peer.onAnswer(3, 'to nothing');
  expect(await Promise.all([one, two])).toEqual(['first', 'second']);
});

it('who asks a worker that goes, or has gone, does not wait, and it is sent nothing any more', async () => {
  const { peer, noted } = met();
  const [open, answered] = [ask(peer), ask(peer)];
  peer.onAnswer(2, 'in time');
  peer.close();
  const answers = Promise.all([open, answered, ask(peer)]);
  expect(await within(answers, 'the answers')).toEqual(['gone', 'in time', 'gone']);
  expect(noted).toHaveLength(2);
});
