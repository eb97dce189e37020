import { expect, it } from 'vitest';
import type { OpenSession } from '../../src/server/hub.ts';
import { busiest, fullest } from '../../src/server/present-sessions.ts';
import { isMeant } from '../../src/server/meant-sessions.ts';

const session = (login: string, queuedBytes: number, idleMs = 0): OpenSession =>
  ({ login, queuedBytes, idleMs }) as object as OpenSession;
const logins = (all: readonly OpenSession[]): unknown[] => all.map(({ login }) => login);

it('the fullest are those for which most waits, and none for which nothing does', () => {
  const all = [session('one', 1), session('none', 0), session('three', 3), session('two', 2)];
  expect(logins(fullest(all, 5))).toEqual(['three', 'two', 'one']);
  expect(logins(fullest(all, 2))).toEqual(['three', 'two']);
});

it('the busiest are those for which something waits, then those that have said something last', () => {
  const all = [session('quiet', 0, 9), session('loud', 0, 1), session('waits', 1, 99)];
  expect(logins(busiest(all, 2))).toEqual(['waits', 'loud']);
  expect(logins(busiest(all, 3))).toEqual(['quiet', 'loud', 'waits']);
});

it.each([
  ['alice', false, ['alice']],
  ['#12', false, ['by id', '#12']],
  ['#12.a', false, ['of a worker']],
  ['al*', true, ['alice', 'albert']],
  ['*', true, ['alice', 'albert', 'by id', '#12', 'of a worker']],
  ['', false, []],
])('%j, as a pattern: %j, means %j', (name, isPattern, meant) => {
  const all = [
    { id: '1', login: 'alice' },
    { id: '2', login: 'albert' },
    { id: '12', login: 'by id' },
    { id: '3', login: '#12' },
    { id: '12.a', login: 'of a worker' },
    { id: '4', login: '' },
  ].map((each) => ({ ...each, remoteAddress: '192.0.2.1' }));
  expect(all.filter(isMeant(name, isPattern)).map(({ login }) => login)).toEqual(meant);
});
