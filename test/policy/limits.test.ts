import { describe, expect, it } from 'vitest';
import { decide } from '../../src/policy/decide.ts';
import { DEFAULT_POLICY_LIMITS } from '../../src/policy/limits.ts';
import { compilePolicy, type PolicyOptions } from '../../src/policy/policy.ts';
import { facts } from './facts.ts';

const none = { total: 0, peer: 0, bot: 0 };

function verdict(policy: PolicyOptions, different: Parameters<typeof facts>[0]) {
  return decide(compilePolicy({ default: 'accept', ...policy }), facts(different));
}

describe('decide, the limits', () => {
  it.each([
    ['maxChannels', { channels: { ...none, total: 256 } }, { channels: { ...none, total: 255 } }],
    ['maxChannelsPerPeer', { channels: { ...none, peer: 16 } }, { channels: { ...none, peer: 15 } }],
    ['maxChannelsPerBot', { channels: { ...none, bot: 128 } }, { channels: { ...none, bot: 127 } }],
    ['maxRequestsPerMinute', { requestsInLastMinute: 60 }, { requestsInLastMinute: 59 }],
  ] as const)('have a %s where nothing is configured', (limit, reached, left) => {
    for (const allow of [[], ['alice']]) {
      expect(verdict({ allow }, reached)).toMatchObject({
        decision: 'refuse',
        rule: `limits.${limit}`,
        path: ['limits', limit],
        limit,
      });
      expect(verdict({ allow }, left).decision).toBe('accept');
    }
  });

  it('say in a sentence what was reached', () => {
    const policy = { limits: { maxChannels: 1, maxChannelsPerPeer: 2, maxChannelsPerBot: 3, maxRequestsPerMinute: 4 } };
    const reason = (different: Parameters<typeof facts>[0]) => verdict(policy, different).reason;
    expect(reason({ channels: { ...none, total: 1 } })).toBe(
      'all bots together have 1 of 1 private connection already',
    );
    expect(reason({ channels: { ...none, peer: 2 } })).toBe('alice has 2 of 2 private connections already');
    expect(reason({ channels: { ...none, bot: 3 } })).toBe('echo has 3 of 3 private connections already');
    expect(reason({ requestsInLastMinute: 4 })).toBe('alice has sent 4 requests within a minute, and 4 are allowed');
  });

  it('may be others for whom a rule matches: those it does not name stay', () => {
    const policy: PolicyOptions = {
      rules: [{ from: 'alice', decision: 'accept', limits: { maxChannelsPerPeer: 1, maxIdleMs: 5000 } }],
      limits: { maxChannels: 4, maxLifetimeMs: 60_000 },
    };
    expect(verdict(policy, {}).limits).toEqual({
      ...DEFAULT_POLICY_LIMITS,
      maxChannels: 4,
      maxLifetimeMs: 60_000,
      maxChannelsPerPeer: 1,
      maxIdleMs: 5000,
    });
    expect(verdict(policy, { channels: { ...none, peer: 1 } })).toMatchObject({
      decision: 'refuse',
      rule: 'rules[0].limits.maxChannelsPerPeer',
      path: ['rules', 0, 'limits', 'maxChannelsPerPeer'],
    });
    expect(verdict(policy, { channels: { ...none, total: 4 } }).rule).toBe('limits.maxChannels');
    expect(verdict(policy, { from: 'bob', channels: { ...none, peer: 1 } }).decision).toBe('accept');
    expect(verdict(policy, { from: 'bob' }).limits).toMatchObject({ maxIdleMs: undefined, maxLifetimeMs: 60_000 });
  });

  it('count before the plugin is asked', () => {
    expect(verdict({ default: 'ask' }, { channels: { ...none, peer: 16 } })).toMatchObject({
      decision: 'refuse',
      limit: 'maxChannelsPerPeer',
    });
  });

  it('are not told to whom a rule refuses, except for asking too often', () => {
    expect(verdict({ deny: ['alice'] }, { channels: { ...none, total: 256 } }).rule).toBe('deny "alice"');
    expect(verdict({ deny: ['alice'] }, { requestsInLastMinute: 60 }).rule).toBe('limits.maxRequestsPerMinute');
  });
});
