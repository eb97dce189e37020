import { describe, expect, it } from 'vitest';
import { decide } from '../../src/policy/decide.ts';
import { compilePolicy, type PolicyOptions } from '../../src/policy/policy.ts';
import { facts } from './facts.ts';

const POLICY: PolicyOptions = { default: 'ask', allow: ['alice', 'ops-*'], deny: ['mallory', 'ops-9?'] };

function verdict(policy: PolicyOptions, from = 'alice', different: Parameters<typeof facts>[0] = {}) {
  return decide(compilePolicy(policy), facts({ from, ...different }));
}

describe('decide, the lists', () => {
  it('accepts whom the allow list names, with the pattern that did it', () => {
    expect(verdict(POLICY, 'alice')).toMatchObject({
      decision: 'accept',
      rule: 'allow "alice"',
      path: ['allow', 0],
      reason: 'allow names alice',
    });
    expect(verdict(POLICY, 'ops-7')).toMatchObject({
      decision: 'accept',
      rule: 'allow "ops-*"',
      path: ['allow', 1],
      reason: 'ops-7 matches "ops-*" in allow',
    });
  });

  it('refuses whom the deny list names, before allow and the rules are looked at', () => {
    expect(verdict(POLICY, 'ops-90')).toMatchObject({ decision: 'refuse', rule: 'deny "ops-9?"', path: ['deny', 1] });
    const all: PolicyOptions = { default: 'accept', allow: ['*'], deny: ['*'], rules: [{ decision: 'accept' }] };
    expect(verdict(all).decision).toBe('refuse');
  });

  it.each(['ask', 'accept', 'refuse'] as const)('comes to the default, %s, where nothing else matches', (standard) => {
    expect(verdict({ ...POLICY, default: standard }, 'carol')).toMatchObject({
      decision: standard,
      rule: `default ${standard}`,
      path: ['default'],
      reason: expect.stringMatching(/^nothing else in the policy matches carol/),
    });
  });

  it('[P7] is not got round by another spelling of the same login', () => {
    expect(verdict({ default: 'accept', deny: ['Ren\u00E9'] }, 'Rene\u0301').decision).toBe('refuse');
  });
});

describe('decide, the rules', () => {
  it('takes the first that matches, after deny and before allow, and tells which were passed over', () => {
    const policy: PolicyOptions = {
      allow: ['alice'],
      rules: [
        { from: ['bob', 'carol'], decision: 'accept' },
        { bots: 'files', decision: 'accept' },
        { from: 'a*', bots: ['e*'], decision: 'refuse' },
        { decision: 'accept' },
      ],
    };
    expect(verdict(policy)).toMatchObject({
      decision: 'refuse',
      rule: 'rules[2]',
      path: ['rules', 2],
      reason: 'alice matches "a*" and the bot echo matches "e*"',
      unmatched: [
        { rule: 'rules[0]', path: ['rules', 0], reason: 'alice does not match any of "bob", "carol"' },
        { rule: 'rules[1]', path: ['rules', 1], reason: 'the bot echo does not match "files"' },
      ],
    });
    expect(verdict(policy, 'dave')).toMatchObject({ rule: 'rules[3]', reason: 'the rule is for everyone' });
  });

  it('goes by the time, and tells it', () => {
    const policy: PolicyOptions = {
      default: 'refuse',
      rules: [{ hours: '09:00-17:30', days: 'mon-fri', timeZone: 'Europe/Paris', decision: 'accept' }],
    };
    expect(verdict(policy)).toMatchObject({
      decision: 'accept',
      reason: 'it is Tue 13:00 in Europe/Paris, within mon-fri 09:00-17:30',
    });
    expect(verdict(policy, 'alice', { at: new Date('2026-03-03T16:30:00Z') })).toMatchObject({
      decision: 'refuse',
      rule: 'default refuse',
      unmatched: [{ reason: 'it is Tue 17:30 in Europe/Paris, outside mon-fri 09:00-17:30' }],
    });
  });
});

describe('decide, the hooks', () => {
  it('asks a plugin that has onPrivateRequest', () => {
    expect(verdict({})).toMatchObject({
      decision: 'ask',
      rule: 'default ask',
      reason: 'nothing else in the policy matches alice; that leaves it to the onPrivateRequest of echo',
    });
  });

  it.each<PolicyOptions>([{}, { rules: [{ decision: 'ask' }] }])('refuses where it has none: %j', (policy) => {
    expect(verdict(policy, 'alice', { hasRequestHook: false })).toMatchObject({
      decision: 'refuse',
      reason: expect.stringMatching(/; that leaves it to echo, which has no onPrivateRequest$/),
    });
  });

  it('refuses where it has no onChannel, whatever the policy', () => {
    const policy: PolicyOptions = { default: 'accept', allow: ['*'], rules: [{ from: 'bob', decision: 'accept' }] };
    expect(verdict(policy, 'alice', { hasChannelHook: false })).toMatchObject({
      decision: 'refuse',
      rule: 'no onChannel',
      path: undefined,
      unmatched: [],
    });
  });
});

describe('compilePolicy', () => {
  it.each<[unknown, string]>([
    [{ default: 'maybe' }, 'policy.default: expected one of accept, refuse, ask, found maybe'],
    ['refuse', 'policy: expected { default, allow, deny, rules, limits }'],
    [{ alow: ['alice'] }, "policy: unknown key 'alow'; did you mean 'allow'?"],
    [{ allow: [''] }, 'policy.allow: a pattern is empty'],
    [{ rules: {} }, 'policy.rules: expected a list of rules'],
    [{ deny: 'mallory' }, 'policy.deny: expected a list of patterns, found mallory'],
    // Without its condition, the rule would accept everybody.
    [{ rules: [{ form: 'alice', decision: 'accept' }] }, "policy.rules[0]: unknown key 'form'; did you mean 'from'?"],
    [{ rules: [{ from: 5, decision: 'ask' }] }, 'policy.rules[0].from: expected a list of patterns, found 5'],
    [{ rules: [{ from: ['a', 5], decision: 'ask' }] }, 'policy.rules[0].from: expected a list of patterns, found a,5'],
    [{ rules: ['ask'] }, 'policy.rules[0]: expected { from, bots, hours, days, timeZone, decision, limits }'],
    [
      { rules: [{ decision: 'ask' }, {}] },
      'policy.rules[1].decision: expected one of accept, refuse, ask, found undef',
    ],
    [{ rules: [{ from: [], decision: 'ask' }] }, 'policy.rules[0].from: the list is empty'],
    [{ rules: [{ hours: 'noon', decision: 'ask' }] }, "policy.rules[0]: invalid hours 'noon'; expected"],
    [{ rules: [{ timeZone: 'Mars', decision: 'ask' }] }, "policy.rules[0]: 'Mars' is not a time zone; expected"],
    [{ limits: { maxChannels: 0 } }, 'policy.limits: maxChannels: expected a whole number, 1 to 100000, found 0'],
    [{ limits: { maxIdleMs: 2 ** 31 } }, 'policy.limits: maxIdleMs: expected a whole number, 1 to 2147483647'],
    [
      { limits: { chanels: 1 } },
      "policy.limits: unknown key 'chanels'; expected one of maxChannels, maxChannelsPerPeer",
    ],
    [
      { rules: [{ limits: { maxIdleMs: 1.5 }, decision: 'ask' }] },
      'policy.rules[0].limits: maxIdleMs: expected a whole',
    ],
  ])('takes %j for a mistake, and says where', (options, message) => {
    expect(() => compilePolicy(options as PolicyOptions)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) as unknown }),
    );
  });
});
