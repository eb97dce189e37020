import { describe, expect, it } from 'vitest';
import { decide, DEFAULT_POLICY, type Policy } from '../../src/policy/policy.ts';

const POLICY: Policy = { default: 'ask', allow: ['alice', 'ops-*'], deny: ['mallory', 'ops-9?'] };

describe('decide', () => {
  it('accepts whom the allow list names, with the pattern that did it', () => {
    expect(decide(POLICY, 'alice')).toEqual({ decision: 'accept', rule: 'allow "alice"' });
    expect(decide(POLICY, 'ops-7')).toEqual({ decision: 'accept', rule: 'allow "ops-*"' });
  });

  it('refuses whom the deny list names, with the pattern that did it', () => {
    expect(decide(POLICY, 'mallory')).toEqual({ decision: 'refuse', rule: 'deny "mallory"' });
  });

  it('looks at deny before allow', () => {
    expect(decide(POLICY, 'ops-90')).toEqual({ decision: 'refuse', rule: 'deny "ops-9?"' });
    expect(decide({ default: 'accept', allow: ['*'], deny: ['*'] }, 'anyone').decision).toBe('refuse');
  });

  it.each(['ask', 'accept', 'refuse'] as const)('comes to the default, %s, where neither list matches', (standard) => {
    expect(decide({ ...POLICY, default: standard }, 'carol')).toEqual({
      decision: standard,
      rule: `default ${standard}`,
    });
  });

  it('names the first of several patterns that match', () => {
    expect(decide({ default: 'refuse', allow: ['a*', 'alice'], deny: [] }, 'alice').rule).toBe('allow "a*"');
  });

  it('[P7] is not got round by another spelling of the same login', () => {
    const policy: Policy = { default: 'accept', allow: [], deny: ['Ren\u00E9'] };
    expect(decide(policy, 'Rene\u0301').decision).toBe('refuse');
  });

  it('leaves everybody to the plugin where nothing is configured', () => {
    expect(decide(DEFAULT_POLICY, 'anyone')).toEqual({ decision: 'ask', rule: 'default ask' });
  });
});
