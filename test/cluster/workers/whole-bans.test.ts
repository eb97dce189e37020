import { EventEmitter } from 'node:events';
import { expect, it, onTestFinished } from 'vitest';
import { WholeBans, type SharedBans } from '../../../src/cluster/workers/whole-bans.ts';
import type { Workers } from '../../../src/cluster/workers/workers.ts';
import { banKey, type Ban } from '../../../src/server/access/bans.ts';

const ban = (what: string): Ban => ({ kind: 'login', what, since: new Date(0) });

/** Those of a node with two workers, each of which has one session that a ban ends. */
function wholeBans(known: readonly Ban[], others: readonly Ban[]) {
  const asked: string[] = [];
  const asking = {
    change: async (_: unknown, name: string, { what }: Ban) => {
      asked.push(`${name} ${what}`);
      return [1, 2].map(() => ({ answer: { sessions: 1, channels: 2 } }));
    },
  };
  const events: unknown[] = [];
  const problem: { error?: Error } = {};
  const shared = Object.assign(new EventEmitter(), {
    list: () => others,
    add: async () => (problem.error ? Promise.reject(problem.error) : undefined),
    remove: async () => undefined,
  });
  const workers = { asking, processes: [] } as unknown as Workers;
  const bans = new WholeBans(known, workers, shared as unknown as SharedBans, (name, { what }, ...of) => {
    events.push([name, what, ...of]);
  });
  onTestFinished(() => bans.close());
  const namesOf = () => bans.list().map(({ what }) => what);
  return { bans, shared, asked, events, problem, namesOf };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('what other nodes have banned since the workers began holds here, and is not asked for a second time', async () => {
  const ann = ban('ann');
  const { asked, events, namesOf } = wholeBans([ann], [ann, ban('bob')]);
  await turn();
  expect([asked, namesOf()]).toEqual([['ban bob'], ['ann', 'bob']]);
  expect(events).toEqual([['banned', 'bob', 2, 4]]);
});

it('what other nodes have lifted since the workers began is lifted here, and what they have changed is changed', async () => {
  const later = { ...ban('ann'), until: new Date(Date.now() + 60_000) };
  const { bans, asked, events } = wholeBans([ban('ann'), ban('bob')], [later]);
  await turn();
  expect(asked).toEqual(['ban ann', 'unban bob']);
  expect(bans.list()).toEqual([later]);
  expect(events).toEqual([
    ['banned', 'ann', 2, 4],
    ['unbanned', 'bob', 'lifted'],
  ]);
});

it('what other nodes ban and lift, this one does, too', async () => {
  const { shared, asked, events, namesOf } = wholeBans([], []);
  shared.emit('banned', ban('bob'));
  await turn();
  expect(namesOf()).toEqual(['bob']);
  shared.emit('lifted', ban('bob'));
  shared.emit('lifted', ban('nobody'));
  await turn();
  expect([asked, namesOf()]).toEqual([['ban bob', 'unban bob'], []]);
  expect(events).toEqual([
    ['banned', 'bob', 2, 4],
    ['unbanned', 'bob', 'lifted'],
  ]);
});

it('a ban that other nodes hear of later holds here, with a warning', async () => {
  const { bans, problem, namesOf } = wholeBans([], []);
  expect(await bans.ban(ban('ann'))).toEqual({ sessions: 2, channels: 4 });
  problem.error = new Error('NATS is away');
  expect(await bans.ban(ban('bob'))).toEqual({ sessions: 2, channels: 4, warning: 'NATS is away' });
  expect(namesOf()).toEqual(['ann', 'bob']);
  expect(banKey((await bans.unban('login', 'ann'))!)).toBe(banKey(ban('ann')));
  expect(await bans.unban('login', 'ann')).toBeUndefined();
});

it('when they are closed, nothing is heard of other nodes any more', async () => {
  const { bans, shared, asked } = wholeBans([], []);
  bans.close();
  shared.emit('banned', ban('bob'));
  await turn();
  expect([asked, shared.listenerCount('banned'), shared.listenerCount('lifted')]).toEqual([[], 0, 0]);
});
