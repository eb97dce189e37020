import { expect, it } from 'vitest';
import { CountedIds } from '../../../src/cluster/workers/counted-ids.ts';
import type { Peer } from '../../../src/cluster/workers/peer.ts';
import type { NegotiatedId } from '../../../src/server/others.ts';

const id = (connectId: bigint): NegotiatedId => ({ connectId }) as NegotiatedId;

/** A worker that counts, as another one speaks to it. */
function worker(home: number) {
  const noted: unknown[] = [];
  const peer = {
    home,
    link: { note: (what: unknown) => noted.push(what) },
    ask: async (question: (number: number) => unknown) => noted.push(question(1)),
  };
  return { peer: peer as object as Peer, noted };
}

it('an id is counted by the worker whose client has asked for it, until it is alive no longer', () => {
  const [one, two] = [worker(1), worker(2)];
  const ids = new CountedIds(new Map([one, two].map(({ peer }) => [peer.home, peer])));
  void ids.count(one.peer, id(10n));
  void ids.count(two.peer, id(20n));
  ids.discount(10n);
  ids.discount(10n);
  ids.discount(30n);
  expect(one.noted).toEqual([
    { is: 'id', id: id(10n), question: 1 },
    { is: 'idOver', connectId: 10n },
  ]);
  expect(two.noted).toEqual([{ is: 'id', id: id(20n), question: 1 }]);
});

it('a worker that is met again is told of its ids that are alive, and of no others', () => {
  const [one, two] = [worker(1), worker(2)];
  const ids = new CountedIds(new Map([[1, one.peer]]));
  void ids.count(one.peer, id(10n));
  void ids.count(one.peer, id(11n));
  void ids.count(two.peer, id(20n));
  ids.discount(11n);
  const again = worker(1);
  ids.tell(again.peer);
  expect(again.noted).toEqual([{ is: 'id', id: id(10n), question: undefined }]);
});
