import { describe, expect, test } from 'vitest';
import { start, startServer } from '../e2e/chatosbot.ts';
import { performStep, projectFolder, readWalkthrough, writeFiles } from './performing.ts';

const PAGE = 'docs/deploy-bot.md';
const { steps, files } = readWalkthrough(PAGE);

describe('the worked example', () => {
  test.each([...steps])('shows what happens in $title', async (step) => {
    for (const { did, shown } of await performStep(step, PAGE)) expect(did).toEqual(shown);
  });

  test('has under 200 lines, with its script and its tests', () => {
    const lines = ['deploy.ts', 'deploy.sh', 'deploy.test.ts'].flatMap((name) =>
      files.get(name)!.trimEnd().split('\n'),
    );
    expect(lines.length).toBeLessThan(200);
  });

  test('reminds of a deployment after kill -9, once', async () => {
    const cwd = projectFolder(PAGE, 'kill');
    writeFiles(cwd, files);
    const { at } = await startServer();
    const run = () => start(['run', './deploy.ts', '--server', at], { cwd });
    const before = run();
    await before.line(/logged in as deploy/);
    const ann = start(['chat', '--login', 'ann', '--server', at], { cwd, input: 'open' });
    await ann.line(/logged in as ann/);
    ann.type('!deploy web 1.2.3 --remind 1s\n');
    // It runs a second from now, perhaps before the bot is killed, and in any case once.
    await ann.line(/deploy: Deployed web 1\.2\.3 to test\./, 'stdout');
    before.kill('SIGKILL');
    await before.exit();
    const after = run();
    await ann.line(/deploy -> ann: Is all well with web 1\.2\.3 to test: yes or no\?/, 'stdout');
    after.kill('SIGTERM');
    await after.exit();
    expect(ann.stdout.toString().match(/Is all well/g)).toHaveLength(1);
  });
});
