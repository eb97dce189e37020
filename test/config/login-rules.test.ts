import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { serverOptions } from '../../src/config/settings.ts';
import { issue } from '../support/issued.ts';
import { complaints, writeConfig } from './loading.ts';

it('who may come in is handed on, with what is in the files of authorities', async () => {
  const pin = `sha256:${'A'.repeat(43)}`;
  const file = await writeConfig(`
serve:
  logins:
    - { login: alice, identity: '${pin}' }
    - { login: [ops-*, root], ca: ca.pem, from: 10.0.0.0/8 }
  deny: { from: 203.0.113.0/24, login: admin*, identity: ['${pin}'] }
  allow: { login: '*' }
  halves: parties
`);
  const { cert } = await issue({ isAuthority: true });
  writeFileSync(path.join(path.dirname(file), 'ca.pem'), cert);
  expect(await serverOptions(await loadConfig({ file }))).toMatchObject({
    logins: [
      { login: 'alice', identity: pin },
      { login: ['ops-*', 'root'], ca: cert, from: '10.0.0.0/8' },
    ],
    deny: { from: '203.0.113.0/24', login: 'admin*', identity: [pin] },
    allow: { login: '*' },
    halves: 'parties',
  });
});

it('each file of authorities that cannot be used is named, with its place', async () => {
  const file = await writeConfig(`
serve:
  logins:
    - { login: a, ca: none.pem }
    - { login: b, ca: own.pem }
    - { login: c, ca: empty.pem }
`);
  writeFileSync(path.join(path.dirname(file), 'own.pem'), (await issue({ name: 'b' })).cert);
  writeFileSync(path.join(path.dirname(file), 'empty.pem'), '');
  const message = await serverOptions(await loadConfig({ file })).then(
    () => '',
    (error: Error) => error.message,
  );
  expect(message.replaceAll(/^.*\.yaml/gm, 'FILE').split('\n')).toEqual([
    'FILE:4:23: serve.logins.0.ca: none.pem does not exist',
    'FILE:5:23: serve.logins.1.ca: own.pem cannot be used: it has a certificate that is of no authority: CN=b',
    'FILE:6:23: serve.logins.2.ca: empty.pem cannot be used: there is no certificate in it',
  ]);
});

it.each(['*', '?', 'a *', '* b', '* *', 'ops-*'])('the pattern %j may match somebody', async (pattern) => {
  expect(await complaints(`serve: { deny: { login: ['${pattern}'] } }`)).toEqual([]);
});

it.each([
  ['logins: [{ login: a, identity: sha256:x }]', /serve\.logins\.0\.identity: 'sha256:x' is not a fingerprint/],
  ['logins: [{ from: 10.0.0.1 }]', /serve\.logins\.0: 'login' is missing/],
  ["logins: [{ login: ' a' }]", /serve\.logins\.0\.login: ' a' matches nobody: it starts or ends with white space/],
  ["deny: { login: ['* '] }", /serve\.deny\.login\.0: '\* ' matches nobody: it starts or ends with white space/],
  ["deny: { login: 'a-login-of-far-too-many-bytes-1*' }", /matches nobody: it is 31 bytes long, and 30 are allowed/],
  ['logins: [{ login: a, form: 10.0.0.1 }]', /serve\.logins\.0\.form: unknown key 'form'; did you mean 'from'\?/],
  ['logins: [{ login: a, from: [10.0.0.0/40] }]', /serve\.logins\.0\.from\.0: '10\.0\.0\.0\/40' is not a network/],
  ['deny: { login: [] }', /serve\.deny\.login: name one, or leave the key out/],
  ['halves: nowhere', /serve\.halves: expected anywhere or parties, found "nowhere"/],
])('a mistake is named with its place: %s', async (text, complaint) => {
  const found = await complaints(`serve:\n  ${text}\n`);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(/^FILE:2:\d+: /);
  expect(found[0]).toMatch(complaint);
});
