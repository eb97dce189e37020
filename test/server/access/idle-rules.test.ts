import { describe, expect, it } from 'vitest';
import { idleRules } from '../../../src/server/access/idle-rules.ts';

const problems = (...args: Parameters<typeof idleRules>) => idleRules(...args).map(({ problem }) => problem);
const FROM = '10.0.0.0/8';

describe('rules for logins that have no effect', () => {
  it.each([
    ['*', 'alice'],
    ['*', 'ops-*'],
    ['ops-*', 'ops-1'],
    ['ops-*', 'ops-1*'],
    ['ops-*', 'ops-?'],
    ['a*c', 'a*b*c'],
    ['?*', '?x'],
    ['rene\u0301', 'ren\u00E9'],
  ])('are those behind one that has all their logins: %s, then %s', (wide, narrow) => {
    expect(problems({ logins: [{ login: wide }, { login: narrow, from: FROM }] })).toHaveLength(1);
  });

  it.each([
    ['alice', '*'],
    ['ops-1', 'ops-*'],
    ['ops-?', 'ops-*'],
    ['?', '*'],
    ['ops-*', '*ops-'],
    ['ops-*', 'op*'],
    ['a?c', 'a*c'],
    ['alice', 'bob'],
  ])('are none behind one that leaves them some: %s, then %s', (narrow, wide) => {
    expect(problems({ logins: [{ login: narrow }, { login: wide, from: FROM }] })).toEqual([]);
  });

  it('are named with what to do', () => {
    const logins = [
      { login: ['alice', 'bob'], from: FROM },
      { login: 'b*' },
      { login: 'alice' },
      { login: ['carol', 'bo*'] },
    ];
    expect(idleRules({ logins })).toEqual([
      {
        path: ['logins', 2, 'login'],
        problem: '"alice" has no effect: logins.0 decides about "alice" before; make one rule of both',
      },
      {
        path: ['logins', 3, 'login', 1],
        problem: '"bo*" has no effect: logins.1 decides about "b*" before; put the rule with fewer logins first',
      },
    ]);
  });

  it('are those whose login looks like a reserved one, for all but its owner', () => {
    const logins = [{ login: 'alice', from: FROM }, { login: 'Alice' }];
    expect(problems({ logins })).toEqual([
      '"Alice" looks like "alice" of logins.0: only those who may have that can have it; put it first, or set lookAlikes: allow',
    ]);
    expect(problems({ logins, lookAlikes: 'allow' })).toEqual([]);
    expect(problems({ logins: [{ login: 'alice' }, { login: 'Alice' }] })).toEqual([]);
  });

  it('are those that a list refuses', () => {
    expect(problems({ logins: [{ login: 'admin-1' }, { login: 'ad*' }], deny: { login: 'admin*' } })).toEqual([
      '"admin-1" has no effect: deny.login refuses "admin*"',
    ]);
    expect(problems({ logins: [{ login: 'bob' }, { login: 'a*' }], allow: { login: ['alice'] } })).toEqual([
      '"bob" has no effect: allow.login does not have it',
    ]);
  });

  it('are all, where there are none', () => {
    expect(problems({ logins: [] })).toEqual(['it has no rules, so nobody can log in']);
    expect(problems({})).toEqual([]);
  });
});
