import { describe, expect, it } from 'vitest';
import type { AccessOptions } from '../../../src/server/access/access-options.ts';
import { compileAccess, loginRefusal } from '../../../src/server/access/login-rules.ts';

const PEER = { from: '192.0.2.7', fingerprint: undefined, certificate: undefined };

function refusal(options: AccessOptions, login: string): string | undefined {
  return loginRefusal(compileAccess(options), login, PEER)?.why;
}

/** Whether a login is refused to strangers, where logins that a pattern matches are reserved. */
function isReserved(login: string, pattern: string): boolean {
  return refusal({ logins: [{ login: pattern, from: '10.0.0.1' }, { login: '*' }] }, login) !== undefined;
}

describe('a login that looks like a reserved one', () => {
  it.each([
    ['Alice', 'alice'],
    ['ALICE', 'alice'],
    ['\u0430lice', 'alice'],
    ['a1ice', 'alice'],
    ['\uFF41lice', 'alice'],
    ['rnike', 'mike'],
    ['mike', 'rnike'],
    ['ops-1', 'Ops-1'],
    ['a  b', 'a b'],
  ])('[P7] %s is refused, beside %s', (login, pattern) => {
    expect(isReserved(login, pattern)).toBe(true);
  });

  it.each([
    ['\u043Eps-x', 'ops-*'],
    ['0ps-1', 'ops-*'],
    ['Ops-', 'ops-*'],
    ['OPS-anything', 'ops-*'],
    ['the-B0t', '*-bot'],
    ['a-\u0440rod-b', '*-prod-*'],
    ['bui1d-7', 'build-?'],
    ['bui1d-m', 'build-?'],
    ['bui1d-\u00E9', 'build-?'],
    ['build-rn', 'build-?'],
    ['rnodem1', 'modem?'],
    // One character that looks like 18 letters, the most there are.
    ['build-\uFDFA', 'build-?'],
  ])('[P7] %s is refused, beside the pattern %s', (login, pattern) => {
    expect(isReserved(login, pattern)).toBe(true);
  });

  it.each([
    ['bob', 'alice'],
    ['alicee', 'alice'],
    ['xops-1', 'ops-*'],
    ['ops', 'ops-*'],
    ['build-12', 'build-?'],
    ['build-', 'build-?'],
    ['bot-x', '*-bot'],
    ['caf\u00E9', 'cafe'],
  ])('%s does not look like %s', (login, pattern) => {
    expect(isReserved(login, pattern)).toBe(false);
  });

  it('takes what a pattern of stars makes of a long login in its stride', () => {
    const began = performance.now();
    for (let count = 0; count < 100; count += 1) isReserved('\uFDFA'.repeat(10), '*a*b*c*d*?*?*e');
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});

describe('rules and what looks like their logins', () => {
  const options: AccessOptions = {
    logins: [
      { login: 'ops-*', from: '192.0.2.0/24' },
      { login: 'alice', from: '10.0.0.1' },
    ],
  };

  it('let nobody in by a look-alike: the rules that have the login itself decide', () => {
    expect(refusal(options, 'ops-1')).toBeUndefined();
    expect(refusal(options, 'Ops-1')).toBe('no rule has this login');
    expect(refusal({ logins: [...options.logins!, { login: '*' }] }, 'Ops-1')).toBeUndefined();
    expect(refusal(options, 'Alice')).toBe('looks like a reserved login: it comes from elsewhere');
  });

  it('reserve nothing by a rule without conditions', () => {
    expect(refusal({ logins: [{ login: 'alice' }, { login: '*' }] }, 'Alice')).toBeUndefined();
  });

  it('count an earlier rule that has the login before a later one that it looks like', () => {
    expect(refusal({ logins: [{ login: 'Alice' }, ...options.logins!] }, 'Alice')).toBeUndefined();
  });

  it('do not count where look-alikes are allowed', () => {
    const logins = [...options.logins!, { login: '*' }];
    expect(refusal({ logins, lookAlikes: 'allow' }, 'Alice')).toBeUndefined();
    expect(refusal({ logins, lookAlikes: 'allow' }, 'alice')).toBe('reserved: it comes from elsewhere');
  });
});

it('[P7] a login that looks like a denied one is denied', () => {
  const deny = { login: ['admin*'] };
  expect(refusal({ deny }, '\u0410dmin')).toBe('looks like a denied login');
  expect(refusal({ deny, lookAlikes: 'allow' }, '\u0410dmin')).toBeUndefined();
});

it('a list of allowed logins has none that only look like them', () => {
  expect(refusal({ allow: { login: 'alice' } }, 'Alice')).toBe('not allowed');
});
