import { beforeAll, describe, expect, test } from 'vitest';
import { labFile, run, start } from './chatosbot.ts';
import { peer } from './peers.ts';
import { sharedServer } from './shared-server.ts';

const BOTS = new URL('../../bots/', import.meta.url).pathname;

let at: string;
let port: number;

beforeAll(async () => {
  ({ at, port } = await sharedServer());
  labFile('served/note.txt', 'read in a worker');
  labFile(
    'bots/clock.ts',
    `export async function onMessage(message) {
      console.log('heard', message.text);
      if (message.text === 'block') for (;;);
      await message.reply('here');
    }`,
  );
});

describe('run, with bots in worker threads', () => {
  test('isolates the bots that the configuration says; one that blocks holds up no other, and comes back', async () => {
    const config = labFile(
      'isolated.config.yaml',
      `
server: ${at}
bots:
  - ${BOTS}echo.ts
  - { path: ./bots/clock.ts, isolate: worker, stallMs: 500, memoryMb: 64 }
  - { path: ${BOTS}files.ts, isolate: worker, options: { directory: served } }
`,
    );
    const command = start(['run', '--config', config]);
    for (const login of ['echo', 'clock', 'files']) await command.line(new RegExp(`: logged in as ${login} on`));
    const alice = await peer(port, 'alice');
    alice.tell('clock', 'block');
    await command.line(/^heard block$/);
    alice.tell('echo', 'are you there?');
    expect(await alice.next(4)).toMatchObject({ sender: 'echo' });
    expect(command.stderr).not.toMatch(/was ended/);
    await command.line(
      /error the plugin blocked its worker for more than 0\.5 s: its worker was ended and is restarted now .*plugin=clock hook=onMessage peer=alice/,
    );
    await command.line(/clock: logged in as clock on/);
    alice.tell('clock', 'and now?');
    expect(await alice.next(4)).toMatchObject({ sender: 'clock', msg: 'here' });

    const response = await run(['pipe', 'files', '--server', at], { input: 'GET /note.txt HTTP/1.0\r\n\r\n' });
    expect(response).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^HTTP\/1\.1 200 [^]*read in a worker$/),
    });

    alice.tell('clock', 'block');
    await command.line(/^heard block$/);
    command.kill('SIGTERM');
    expect(await command.exit()).toMatchObject({ status: 0, stdout: '' });
  });

  test('isolates all of them with --isolate, and tells of one that does not load', async () => {
    const command = start(['run', '--isolate', '--server', at, '../bots/clock.ts', '--login', 'watch']);
    await command.line(/: logged in as watch on/);
    const bob = await peer(port, 'bob');
    bob.tell('watch', 'hi');
    expect(await bob.next(4)).toMatchObject({ sender: 'watch', msg: 'here' });
    await command.line(/^heard hi$/);
    command.kill('SIGTERM');
    expect(await command.exit()).toMatchObject({ status: 0, stdout: '' });

    labFile('bots/broken.ts', 'export const onMessage = ;');
    const broken = await run(['run', '--isolate', '--server', at, '../bots/clock.ts', '../bots/broken.ts']);
    expect(broken).toMatchObject({ status: 2, stderr: expect.stringMatching(/broken\.ts:1:\d+: /) });
  });

  test('refuses an isolated bot whose login another bot has, as check does, and says where', async () => {
    const config = labFile(
      'shared.config.yaml',
      `server: ${at}
bots:
  - { path: ${BOTS}echo.ts, login: helper }
  - { path: ./bots/clock.ts, login: helper, isolate: worker }
`,
    );
    const message =
      /shared\.config\.yaml:4:5: bots\.1: an isolated bot needs a login of its own, and bots\.0 has the login 'helper', too: give each its own/;
    for (const command of ['run', 'check']) {
      const refused = await run([command, '--config', config]);
      expect(refused).toMatchObject({ status: 2, stderr: expect.stringMatching(message) });
    }
    const all = await run(['run', '--isolate', '--server', at, '../bots/clock.ts', `${BOTS}echo.ts`, '--login', 'one']);
    expect(all).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(
        /clock: an isolated bot needs a login of its own, and echo has the login 'one', too/,
      ),
    });
  });

  test('reloads an isolated bot when its file changes, and goes on with its session', async () => {
    const source = (word: string): string => `export const onMessage = (message) => message.reply('${word}');\n`;
    const file = labFile('bots/turn.ts', source('first'));
    const command = start(['run', '--isolate', '--watch', '--server', at, file]);
    await command.line(/: logged in as turn on/);
    const carol = await peer(port, 'carol');
    labFile('bots/turn.ts', 'export const onMessage = ;');
    await command.line(/turn\.ts:1:\d+: .*the old version keeps running/);
    labFile('bots/turn.ts', source('second'));
    await command.line(/turn: reloaded/);
    carol.tell('turn', 'hi');
    expect(await carol.next(4)).toMatchObject({ sender: 'turn', msg: 'second' });
    expect(command.stderr.match(/logged in as turn on/g)).toHaveLength(1);
    command.kill('SIGTERM');
    expect(await command.exit()).toMatchObject({ status: 0 });
  });

  test('names the place of an option that the schema of an isolated bot refuses', async () => {
    labFile(
      'bots/strict.ts',
      `export const options = { '~standard': { version: 1, vendor: 'test', validate: () => ({ issues: [{ message: 'too small', path: ['size'] }] }) } };
export const onStart = () => {};
`,
    );
    const config = labFile(
      'strict.config.yaml',
      `server: ${at}
bots:
  - { path: ./bots/strict.ts, isolate: worker, options: { size: 1 } }
`,
    );
    const refused = await run(['run', '--config', config]);
    expect(refused).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/strict\.config\.yaml:3:\d+: bots\.0\.options\.size: too small/),
    });
  });
});
