import { expect, it, onTestFinished, vi } from 'vitest';
import { HomeOfIds, CONNECT_ID_KEY_BYTES } from '../../../src/cluster/connect-id-cipher.ts';
import type { LinkNote } from '../../../src/cluster/workers/link.ts';
import { Mesh, type HalfKeeper } from '../../../src/cluster/workers/mesh.ts';
import { Peer } from '../../../src/cluster/workers/peer.ts';
import { WorkerDirectory } from '../../../src/cluster/workers/worker-directory.ts';
import type { PairInfo } from '../../../src/server/events.ts';
import type { Closed, Here } from '../../../src/server/others.ts';

/** The first worker, as its server knows the others; the connect ids are those of the second, which is met. */
function meshOf(number: number) {
  const homes = new HomeOfIds(0, Buffer.alloc(CONNECT_ID_KEY_BYTES));
  homes.of = (connectId) => (connectId < 10n ? 1 : 2);
  const directory = new WorkerDirectory({} as never);
  const self = { name: { slot: 0, number }, epoch: undefined, lease: undefined };
  const mesh = new Mesh(self, homes, directory, {} as HalfKeeper);
  const gone: number[] = [];
  const ended: PairInfo[] = [];
  mesh.attach({
    gone: (process: number) => gone.push(process),
    sources: () => [],
    channelEnded: (pair: PairInfo) => ended.push(pair),
  } as unknown as Here);
  const notes: LinkNote[] = [];
  const link = { note: (note: LinkNote) => notes.push(note), isFull: false };
  const peer = new Peer({ slot: 1, number: 2 }, link as never, 1);
  mesh.add(peer);
  return { mesh, peer, gone, ended, notes };
}

it('a worker that has gone counts no more, and what is asked about its channels is late, and not forbidden', async () => {
  const { mesh, peer, gone, notes } = meshOf(1);
  const member = { id: '1001', login: 'alice', key: 'alice' };
  const close = (connectId: bigint) => mesh.close(member, { connectId } as never);
  const asked = close(1n);
  expect(notes.at(-1)).toMatchObject({ is: 'close', by: member });
  mesh.remove(peer);
  expect(gone).toEqual([peer.number]);
  expect([await asked, await close(1n), await close(10n)]).toEqual(['late', 'late', 'forbidden']);
});

it('so is what is asked of the one in its place, for a minute', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const { mesh, peer } = meshOf(1);
  /** Asks for the end of a channel, which is not known. */
  const close = (at: Peer): Promise<Closed> => {
    const closed = mesh.close({ id: '1001', login: 'alice', key: 'alice' }, { connectId: 1n } as never);
    mesh.onNote(at, { is: 'closed', closed: 'forbidden', question: 1 });
    return closed;
  };
  mesh.remove(peer);
  const answers: Closed[] = [];
  for (const ms of [59_999, 1]) {
    vi.advanceTimersByTime(ms);
    const next = new Peer({ slot: 1, number: 3 }, { note: () => undefined, isFull: false } as never, 1);
    mesh.add(next);
    answers.push(await close(next));
  }
  expect(answers).toEqual(['late', 'forbidden']);
});

it('the ids of sessions end with the number of their worker, and differ from those of 1,000 workers before', () => {
  expect(meshOf(7).mesh.ownId(5)).toBe('5007');
  expect(meshOf(2_007).mesh.ownId(5)).toBe('2000000005007');
});

it('knows who has a private connection at another worker, for as long as one is open there', () => {
  const { mesh, peer, ended } = meshOf(1);
  const pairOf = (requester: string, target: string): PairInfo => ({
    requester: { id: '1', login: requester },
    target: { id: '2', login: target },
  });
  const [one, two] = [pairOf('Zoe\u0308', 'bob'), pairOf('Zo\u00EB', 'carol')];
  const note = (id: string, pair: PairInfo, isOpen: boolean): void =>
    mesh.onNote(peer, { is: 'channel', id, pair, isOpen });
  const known = (): string[] => ['Zo\u00EB', 'bob', 'carol', 'dave'].filter((key) => mesh.hasChannel(key));
  note('1', one, true);
  // One that is met again says again what is open there.
  note('1', one, true);
  note('2', two, true);
  expect(known()).toEqual(['Zo\u00EB', 'bob', 'carol']);
  note('1', one, false);
  note('3', pairOf('dave', 'dave'), false);
  expect(known()).toEqual(['Zo\u00EB', 'carol']);
  note('4', one, true);
  note('2', two, false);
  expect(known()).toEqual(['Zo\u00EB', 'bob']);
  ended.length = 0;
  mesh.remove(peer);
  expect(known()).toEqual([]);
  expect(ended).toEqual([one]);
  mesh.add(peer);
  expect(known()).toEqual([]);
});
