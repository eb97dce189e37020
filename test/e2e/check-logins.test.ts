import { beforeAll, describe, expect, test } from 'vitest';
import { days, issue } from '../support/issued.ts';
import { labFile, startServer } from './chatosbot.ts';
import { runShared } from './shared-process.ts';
import { peer } from './peers.ts';

const KEY = `sha256:${'A'.repeat(43)}`;

/** What `check` says about a configuration: its status, and the lines without `chatosbot: `. */
async function checked(config: string) {
  labFile('work/check-logins.yaml', config);
  const { status, stderr } = await runShared(['check', '--config', 'check-logins.yaml']);
  return { status, lines: stderr.trimEnd().split('\n') };
}

describe('check, of who may log in', () => {
  beforeAll(async () => {
    labFile('work/echo.mjs', 'export const onMessage = () => {};');
    labFile('work/old-ca.pem', (await issue({ isAuthority: true, from: days(-2), to: days(-1) })).cert);
  });

  test('warns about rules that have no effect, with their places, for a server without bots too', async () => {
    const config = `serve:
  listen: [127.0.0.1:0]
  logins:
    - { login: alice, identity: '${KEY}' }
    - { login: '*' }
    - { login: [bob, 'c*'] }
`;
    expect(await checked(config)).toEqual({
      status: 0,
      lines: [
        'warning: check-logins.yaml:6:17: serve.logins.2.login.0: "bob" has no effect: logins.1 decides about "*" before; put the rule with fewer logins first',
        'warning: check-logins.yaml:6:22: serve.logins.2.login.1: "c*" has no effect: logins.1 decides about "*" before; put the rule with fewer logins first',
        'warning: check-logins.yaml:4:33: serve.logins.0.identity: nobody can show a certificate, as no address that is listened on begins with tls://',
        'the server can run',
      ],
    });
  });

  test('warns about a bot that its own server would refuse, and an authority that has expired', async () => {
    const config = `bots: [./echo.mjs]
serve:
  listen: ['127.0.0.1:0', 'tls://127.0.0.1:0']
  logins:
    - { login: ops, ca: old-ca.pem }
`;
    const { status, lines } = await checked(config);
    expect(status).toBe(0);
    expect(lines).toContainEqual(
      expect.stringMatching(
        /^warning: check-logins\.yaml:5:25: serve\.logins\.0\.ca: its first certificate has expired/,
      ),
    );
    expect(lines).toContain(
      'warning: echo cannot log in as echo: serve.logins: no rule has this login; give it a rule, such as { login: echo, from: 127.0.0.1 }',
    );
  });

  test('says nothing where all is well', async () => {
    const config = `bots: [./echo.mjs]
serve:
  listen: ['127.0.0.1:0', 'tls://127.0.0.1:0']
  logins: [{ login: echo, from: 127.0.0.1 }, { login: alice, identity: '${KEY}' }]
`;
    const { lines } = await checked(config);
    expect(lines.filter((line) => line.startsWith('warning'))).toEqual([]);
  });

  test('exits with 2 for each file and fingerprint that cannot be used, with its place', async () => {
    const config = `serve:
  logins:
    - { login: a, ca: none.pem }
    - { login: b, ca: echo.mjs }
`;
    const { status, lines } = await checked(config);
    expect(status).toBe(2);
    expect(lines.join('\n')).toContain('check-logins.yaml:3:23: serve.logins.0.ca: none.pem does not exist');
    expect(lines.join('\n')).toContain('check-logins.yaml:4:23: serve.logins.1.ca: echo.mjs cannot be used');
  });
});

test('serve warns about such rules at its start', async () => {
  labFile('work/serve-logins.yaml', "serve: { logins: [{ login: '*' }, { login: alice, from: 192.0.2.1 }] }\n");
  const { command, port } = await startServer(['--config', 'serve-logins.yaml']);
  expect(command.stderr).toMatch(/warn.*serve-logins\.yaml:1:\d+: serve\.logins\.1\.login: "alice" has no effect/);
  await peer(port, 'bob');
});

test('check reads the certificate of the server, and reports one that it would not start with', async () => {
  const [old, other] = [await issue({ from: days(-3), to: days(-2) }), await issue()];
  labFile('work/old.pem', old.cert);
  labFile('work/other.pem', other.cert);
  labFile('work/old.key', old.key);
  const config = (cert: string): string =>
    `serve: { listen: ['tls://127.0.0.1:0'], tls: { cert: ${cert}, key: old.key } }\n`;
  expect(await checked(config('old.pem'))).toMatchObject({
    status: 2,
    lines: [expect.stringMatching(/old\.pem has a certificate that expired on /)],
  });
  expect(await checked(config('other.pem'))).toMatchObject({
    status: 2,
    lines: [expect.stringMatching(/other\.pem with .*old\.key has a key that is not that of its first certificate$/)],
  });
  expect(await checked(config('none.pem'))).toMatchObject({
    status: 2,
    lines: [expect.stringMatching(/none\.pem does not exist$/)],
  });
});
