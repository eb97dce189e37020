import { expect, it, onTestFinished, vi } from 'vitest';
import type { RemoteProcess } from '../../../src/cluster/workers/node-link.ts';
import type { Peer } from '../../../src/cluster/workers/peer.ts';
import { Requests } from '../../../src/cluster/workers/requests.ts';
import type { Member } from '../../../src/server/directory.ts';

/** A process of another node, as it is met: another time, it is another peer. */
function meet(elsewhere: RemoteProcess | undefined): Peer {
  return { elsewhere } as object as Peer;
}

function member(login: string): Member {
  return { id: `id of ${login}`, login, key: login };
}

const keysOf = (requests: Requests, peer: Peer): string[] => requests.unheard(peer).map(({ key }) => key);

it('asks a process that it meets again for what it has not heard of in the last minute', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const requests = new Requests();
  const [one, two] = [{} as RemoteProcess, {} as RemoteProcess];
  requests.ask('1', 'early', meet(one));
  vi.advanceTimersByTime(1);
  for (const key of ['there', 'absent', 'unsaid']) requests.ask('1', key, meet(one));
  requests.ask('1', 'elsewhere', meet(two));
  requests.ask('1', 'beside', meet(undefined));
  requests.add('1', member('there'), meet(one));
  requests.delete('1', 'absent', meet(one));
  vi.advanceTimersByTime(59_998);
  expect(keysOf(requests, meet(one))).toEqual(['early', 'unsaid']);
  vi.advanceTimersByTime(1);
  expect(keysOf(requests, meet(one))).toEqual(['unsaid']);
  expect(keysOf(requests, meet(two))).toEqual(['elsewhere']);
  expect(keysOf(requests, meet(undefined))).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(keysOf(requests, meet(one))).toEqual([]);
});

it('keeps the last 1,000 that a process has not answered', () => {
  const requests = new Requests();
  const process = {} as RemoteProcess;
  for (let number = 0; number < 1_000; number += 1) requests.ask('1', `${number}`, meet(process));
  expect(keysOf(requests, meet(process))[0]).toBe('0');
  requests.ask('1', 'one more', meet(process));
  expect(keysOf(requests, meet(process))).toHaveLength(1_000);
  expect(keysOf(requests, meet(process))[0]).toBe('1');
});

it('counts what waits of a session, but for the one that is asked again', () => {
  const requests = new Requests();
  const [one, two] = [meet(undefined), meet(undefined)];
  for (const [login, at] of [
    ['alice', one],
    ['bob', two],
    ['carol', one],
  ] as const) {
    requests.add('1', member(login), at);
  }
  expect(['alice', 'dave'].map((key) => requests.count('1', key))).toEqual([2, 3]);
  expect(requests.count('2', 'alice')).toBe(0);
  requests.delete('1', 'alice', two);
  expect(requests.count('1', 'dave')).toBe(3);
  expect(requests.of(one).map(({ target }) => target.login)).toEqual(['alice', 'carol']);
  expect(requests.of(one)).toEqual([]);
  expect(requests.count('1', 'dave')).toBe(1);
  requests.leave('1');
  expect(requests.of(two)).toEqual([]);
});
