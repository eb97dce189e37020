import { beforeAll, describe, expect, test } from 'vitest';
import { issue } from '../support/issued.ts';
import { labFile } from './chatosbot.ts';
import { runShared } from './shared-process.ts';

const KEY = `sha256:${'A'.repeat(43)}`;

const CONFIG = `serve:
  logins:
    - { login: alice, identity: ['${KEY}'], from: [192.0.2.0/24, '2001:db8::/32'] }
    - { login: ops-*, ca: ca.pem }
    - { login: [bob, guest-*] }
  deny: { from: 203.0.113.0/24 }
`;

async function explained(...args: string[]) {
  const { status, stdout, stderr } = await runShared(['policy', 'login', ...args, '--config', 'logins.yaml']);
  expect(stderr).toBe('');
  return { status, stdout };
}

describe('policy login', () => {
  beforeAll(async () => {
    const [root, other] = [await issue({ isAuthority: true }), await issue({ isAuthority: true })];
    const between = await issue({ name: 'Ops 2', isAuthority: true, by: root });
    labFile('work/ca.pem', root.cert);
    labFile('work/ops-1.pem', `${(await issue({ name: 'ops-1', by: between })).cert}\n${between.cert}`);
    labFile('work/other.pem', (await issue({ name: 'ops-1', by: other })).cert);
    labFile('work/logins.yaml', CONFIG);
  });

  test('tells which rule refuses a login, where it stands, and all that it needs; exits with 77', async () => {
    expect(await explained('alice', '--from', '192.0.2.7')).toEqual({
      status: 77,
      stdout: `alice: refused
  by      logins[0] (logins.yaml:3:7): reserved: it shows no certificate
  needs   an address in 192.0.2.0/24 or 2001:db8::/32
  needs   a certificate with the key ${KEY}
`,
    });
  });

  test('tells which rule lets a login in, and which do not decide; exits with 0', async () => {
    expect(await explained('guest-1')).toEqual({
      status: 0,
      stdout: `guest-1: let in
  not     logins[0] (logins.yaml:3:7): it has other logins
  not     logins[1] (logins.yaml:4:7): it has other logins
  by      logins[2] (logins.yaml:5:7): it is anyone's
`,
    });
  });

  test('takes a fingerprint, a certificate with what is shown behind it, and an address', async () => {
    expect(await explained('alice', '--from', '2001:db8::1', '--identity', KEY)).toMatchObject({ status: 0 });
    expect(await explained('ops-1', '--certificate', 'ops-1.pem')).toMatchObject({ status: 0 });
    const { status, stdout } = await explained('ops-1', '--certificate', 'other.pem', '--json');
    expect(status).toBe(77);
    expect(JSON.parse(stdout)).toMatchObject({
      login: 'ops-1',
      from: '127.0.0.1',
      decision: 'refused',
      rule: 'logins[1]',
      place: 'logins.yaml:4:7',
      reason: 'reserved: its certificate is of another authority',
      needs: ['a certificate of ca.pem, in date and for clients, with the name ops-1'],
      passed: [{ rule: 'logins[0]', place: 'logins.yaml:3:7', reason: 'it has other logins' }],
    });
  });

  test('tells what a list denies, and that no rule has a login', async () => {
    expect((await explained('bob', '--from', '203.0.113.9')).stdout).toBe(`bob: refused
  by      deny.from (logins.yaml:6:17): denied
  needs   another address, or serve.deny without this one
`);
    expect((await explained('carol')).stdout).toContain(`
  by      logins (logins.yaml:3:5): no rule has this login
  needs   a rule in serve.logins that has carol
`);
  });

  test.each([
    [['--from', 'here'], /expected an IP address/],
    [['--identity', 'sha256:x'], /is not a fingerprint/],
    [['--certificate', 'none.pem'], /none\.pem does not exist/],
    [['--certificate', 'logins.yaml'], /logins\.yaml has no certificate in it/],
    [['--certificate', 'ops-1.pem', '--identity', KEY], /exclude each other/],
  ])('exits with 2 for %j', async (args, message) => {
    const { status, stderr } = await runShared(['policy', 'login', 'alice', ...args, '--config', 'logins.yaml']);
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
  });
});
