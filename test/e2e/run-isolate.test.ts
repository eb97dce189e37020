import { beforeAll, describe, expect, test } from 'vitest';
import { labFile, run, start, startServer } from './chatosbot.ts';
import { peer } from './peers.ts';

const BOTS = new URL('../../bots/', import.meta.url).pathname;

let at: string;
let port: number;

beforeAll(async () => {
  ({ at, port } = await startServer());
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
    expect(command.stderr).not.toMatch(/ended/);
    await command.line(/error onMessage failed: the plugin blocked its worker for more than 0\.5 s .*plugin=clock/);
    await command.line(/its worker was ended and is started again now .*plugin=clock/);
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
});
