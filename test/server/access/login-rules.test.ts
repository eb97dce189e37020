import { describe, expect, it } from 'vitest';
import type { AccessOptions } from '../../../src/server/access/access-options.ts';
import { compileAccess, loginRefusal, type Peer } from '../../../src/server/access/login-rules.ts';

const KEY = `sha256:${'A'.repeat(43)}`;
const OTHER_KEY = `sha256:${'E'.repeat(43)}`;

/** `in`, or the rule that refuses a login, and why. */
function verdict(options: AccessOptions, login: string, peer: Partial<Peer> = {}): string {
  const rules = compileAccess(options);
  const refusal = loginRefusal(rules, login, {
    from: '192.0.2.7',
    fingerprint: undefined,
    certificate: undefined,
    ...peer,
  });
  return refusal ? `${refusal.rule}: ${refusal.why}` : 'in';
}

describe('rules for logins', () => {
  it("are anyone's where none is given", () => {
    expect(verdict({}, 'alice')).toBe('in');
  });

  it('refuse what none of them has', () => {
    const options = { logins: [{ login: 'alice' }] };
    expect(verdict(options, 'alice')).toBe('in');
    expect(verdict(options, 'bob')).toBe('logins: no rule has this login');
    expect(verdict({ logins: [] }, 'alice')).toBe('logins: no rule has this login');
  });

  it('reserve: the first that has the login decides, and no later one lets it in', () => {
    const options = { logins: [{ login: 'alice', identity: [KEY] }, { login: '*' }] };
    expect(verdict(options, 'alice')).toBe('logins[0]: reserved: it shows no certificate');
    expect(verdict(options, 'alice', { fingerprint: OTHER_KEY })).toBe(
      'logins[0]: reserved: its certificate is another',
    );
    expect(verdict(options, 'alice', { fingerprint: KEY })).toBe('in');
    expect(verdict(options, 'bob')).toBe('in');
  });

  it('go by their order', () => {
    const options = { logins: [{ login: 'cron-guest' }, { login: 'cron-*', from: '10.0.0.0/8' }] };
    expect(verdict(options, 'cron-guest')).toBe('in');
    expect(verdict(options, 'cron-1')).toBe('logins[1]: reserved: it comes from elsewhere');
    expect(verdict(options, 'cron-1', { from: '10.1.2.3' })).toBe('in');
    expect(verdict(options, 'cron-1', { from: '::ffff:10.1.2.3' })).toBe('in');
  });

  it('ask for all of their conditions', () => {
    const options = { logins: [{ login: 'alice', identity: KEY, from: ['10.0.0.0/8', '2001:db8::/32'] }] };
    expect(verdict(options, 'alice', { fingerprint: KEY })).toBe('logins[0]: reserved: it comes from elsewhere');
    expect(verdict(options, 'alice', { from: '10.0.0.1' })).toBe('logins[0]: reserved: it shows no certificate');
    expect(verdict(options, 'alice', { from: '2001:db8::1', fingerprint: KEY })).toBe('in');
  });

  it('take a login as it is compared, in NFC', () => {
    const options = { logins: [{ login: 'ren\u00E9', from: '10.0.0.1' }, { login: '*' }] };
    expect(verdict(options, 'rene\u0301')).toBe('logins[0]: reserved: it comes from elsewhere');
  });
});

describe('lists of whom to deny and to allow', () => {
  it('deny by login, identity and network, whatever the rules say', () => {
    const deny = { login: ['admin*', 'root'], identity: [KEY], from: ['203.0.113.0/24'] };
    const options = { deny, logins: [{ login: '*' }], allow: { login: '*' } };
    expect(verdict(options, 'admin-1')).toBe('deny.login: denied');
    expect(verdict(options, 'alice', { fingerprint: KEY })).toBe('deny.identity: its certificate is denied');
    expect(verdict(options, 'alice', { from: '203.0.113.9' })).toBe('deny.from: denied');
    expect(verdict(options, 'alice', { fingerprint: OTHER_KEY })).toBe('in');
  });

  it('allow only what matches all that is given', () => {
    const options = { allow: { login: ['a*'], identity: [KEY], from: '192.0.2.0/24' } };
    expect(verdict(options, 'alice', { fingerprint: KEY })).toBe('in');
    expect(verdict(options, 'bob', { fingerprint: KEY })).toBe('allow.login: not allowed');
    expect(verdict(options, 'alice')).toBe('allow.identity: its certificate is not allowed');
    expect(verdict(options, 'alice', { fingerprint: KEY, from: '10.0.0.1' })).toBe('allow.from: not allowed');
  });

  it('do not replace rules', () => {
    const options = { allow: { login: '*' }, logins: [{ login: 'alice', identity: KEY }] };
    expect(verdict(options, 'alice')).toBe('logins[0]: reserved: it shows no certificate');
  });
});

it.each<[AccessOptions, RegExp]>([
  [
    { logins: [{ login: 'a', identiy: KEY } as never] },
    /^logins\[0\]: unknown key 'identiy'; did you mean 'identity'\?$/,
  ],
  [{ logins: [{ identity: KEY } as never] }, /^logins\[0\]: 'login' is missing$/],
  [{ logins: [{ login: [] }] }, /^logins\[0\]\.login: the list is empty/],
  [{ logins: [{ login: '' }] }, /^logins\[0\]\.login: a pattern is empty$/],
  [
    { logins: [{ login: 'a', identity: 'sha1:x' }] },
    /^logins\[0\]\.identity: 'sha1:x' is not a fingerprint: expected 'sha256:' and/,
  ],
  [{ logins: [{ login: 'a', from: '10.0.0.0/33' }] }, /^logins\[0\]\.from: '10\.0\.0\.0\/33' is not a network/],
  [{ logins: { login: 'a' } as never }, /^logins: expected a list of rules$/],
  [{ deny: { form: ['10.0.0.1'] } as never }, /^deny: unknown key 'form'; did you mean 'from'\?$/],
  [{ deny: ['alice'] as never }, /^deny: expected \{ from, login, identity \}$/],
  [{ allow: { login: [7 as never] } }, /^allow\.login: expected a text, or a list of texts$/],
])('options that are wrong are named: %j', (options, message) => {
  expect(() => compileAccess(options)).toThrow(message);
});
