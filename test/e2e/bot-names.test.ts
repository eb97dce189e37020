/** Bots of the configuration, by their names and logins. */
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { failure, LAB, labFile, start } from './chatosbot.ts';
import { runShared } from './shared-process.ts';

const bot = (text: string): string => `export const commands = {
  say: { help: 'says', examples: { '!say': '${text}' }, run: (_args, message) => message.reply('${text}') },
};
export const schedule = { daily: { cron: '0 9 * * *', timeZone: 'UTC', run() {} } };
export const onStart = (ctx) => ctx.store.set('who', '${text}');
`;
const there = { cwd: path.join(LAB, 'names') };

beforeAll(() => {
  labFile('names/package.json', '{}');
  labFile('names/bots/deploy.mjs', bot('deploy'));
  labFile('names/bots/x.mjs', bot('x'));
  labFile('names/bots/y.mjs', bot('y'));
  labFile('names/lone.mjs', bot('lone'));
  // Beside the name of a bot: a folder, which is no file, and a file.
  labFile('names/deploy/readme.txt', '');
  labFile('names/y', bot('the file y'));
  labFile(
    'names/chatosbot.config.yaml',
    `bots:
  - ./bots/deploy.mjs
  - { path: ./bots/x.mjs, login: robot }
  - { path: ./bots/y.mjs, login: both }
  - { path: ./bots/deploy.mjs, login: both }
  - { path: ./bots/y.mjs, login: x, server: '127.0.0.1:1' }
announcements:
  - { cron: '0 8 * * *', text: 'Good morning' }
`,
  );
});

describe('a bot of the configuration', () => {
  test.each([
    ['check robot', /^x as robot: .*\n1 bot can run\n$/],
    ['check both', /^y as both: .*\ndeploy as both: .*\n2 bots can run\n$/],
    ['check deploy', /^deploy as deploy: .*\ndeploy as both: .*\n2 bots can run\n$/],
    ['check announcements', /^announcements as announcements: 1 schedule\n1 bot can run\n$/],
  ])('is found by name or login: %s', async (args, stderr) => {
    const ended = await runShared(args.split(' '), there);
    expect(ended).toMatchObject({ status: 0, stderr: expect.stringMatching(stderr) as string });
  });

  test('is run, rehearsed, tested and listed by its login', async () => {
    const command = start(['run', 'robot', '--embedded', '--listen', '127.0.0.1:0'], there);
    await command.line(/^x: logged in as robot/);
    command.kill('SIGTERM');
    await command.exit();
    expect(command.stderr).not.toMatch(/deploy|both/);
    const rehearsed = await runShared(['repl', 'robot'], { ...there, input: '!say\n' });
    expect(rehearsed).toMatchObject({ status: 0, stdout: 'you: !say\nrobot: x\n' });
    const tested = await runShared(['test', 'robot'], there);
    expect(tested).toMatchObject({ status: 0, stdout: 'ok x !say\n1 passed, 0 failed\n' });
    const listed = await runShared(['schedule', 'robot', '-n', '1'], there);
    expect(listed.stdout).toMatch(/^\S+ \S+ \S+ {2}x {2}daily\n$/);
    const kept = await runShared(['store', 'export', 'robot'], there);
    expect(kept).toMatchObject({ status: 0, stdout: '{"key":"who","value":"x"}\n' });
  });

  test('is not meant where there is a file of that name', async () => {
    const ended = await runShared(['check', 'y'], there);
    expect(ended.stderr).toMatch(/^y as y: /);
  });
});

describe('a name', () => {
  test.each([
    ['repl both', /: several bots have the login both: name one of bots\/y\.mjs, bots\/deploy\.mjs$/],
    [
      'run x',
      /: 'x' is the name of bots\/x\.mjs \(\S*:3:5\), and the login of bots\/y\.mjs \(\S*:6:5\): name the file$/,
    ],
    ['run lone', /: lone: no such file; did you mean \.\/lone\.mjs\?$/],
    ['repl bots/x', /: bots\/x: no such file; did you mean bots\/x\.mjs\?$/],
    [
      'check deplyo',
      /: deplyo: no such file, and no bot of the configuration has this name or login; did you mean deploy\?$/,
    ],
    [
      'schedule nobody',
      /: nobody: no such file, and .* name or login; there are deploy, x, robot, y, both, announcements$/,
    ],
    ['test nobody', /: nobody: no such file/],
    ['run nobody.ts', /: nobody\.ts: no such file$/],
  ])('that nothing, or too much, has is reported with what may be meant: %s', async (args, message) => {
    const ended = runShared(args.split(' '), there);
    expect(await failure(ended)).toEqual({ status: 2, last: expect.stringMatching(message) as string });
  });
});
