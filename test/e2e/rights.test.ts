import { expect, test } from 'vitest';
import { readFences } from '../docs/fences.ts';
import { labFile, run, start } from './chatosbot.ts';

/** The blocks that docs/policy.md has about it, by their language. */
const blocks = readFences('docs/policy.md').filter(({ section }) => section === 'Giving rights to a login');
const blockOf = (language: string): string => blocks.find((block) => block.language === language)!.text;

test('a bot gives rights to the owner of a key, as docs/policy.md says, and nobody else can be that', async () => {
  const { stdout } = await run(['identity']);
  const fingerprint = stdout.trim();
  labFile('rights/bots/deploy.ts', blockOf('ts'));
  const config = blockOf('yaml')
    .replace(/sha256:[\w-]{43}/, fingerprint)
    .replace('127.0.0.1:7777', '127.0.0.1:0')
    .replace('0.0.0.0:7778', '127.0.0.1:0');
  const file = labFile('rights/chatosbot.config.yaml', config);

  const checked = await run(['check', '--config', file]);
  expect(checked).toMatchObject({ status: 0, stderr: expect.not.stringContaining('warning') });

  const bots = start(['run', '--config', file]);
  const [, address] = await bots.line(/listening on (tls:\S+)/);
  await bots.line(/deploy: logged in as deploy/);

  const alice = start(['chat', '--server', address!, '--login', 'alice'], { input: 'open' });
  await alice.line(/logged in as alice/);
  alice.type('!deploy\n');
  await alice.line(/deployed, as alice wants it/, 'stdout');
  alice.type('/quit\n');
  await alice.exit();

  for (const login of ['alice', 'Alice']) {
    const stranger = await run(['say', '--server', address!, '--login', login, '--no-identity', '!deploy']);
    expect(stranger).toMatchObject({ status: 77 });
  }
  const mallory = start(['chat', '--server', address!, '--login', 'mallory'], { input: 'open' });
  await mallory.line(/logged in as mallory/);
  mallory.type('!deploy\n');
  await mallory.line(/You may not use !deploy/, 'stdout');
});
