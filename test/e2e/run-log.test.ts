import { expect, test } from 'vitest';
import { labFile, start } from './chatosbot.ts';

test('run writes some hundred lines of a bot that logs without end, says how many more there were, and stops', async () => {
  const bot = labFile(
    'chatty.mjs',
    `export default { onStart: (ctx) => {
      for (let i = 0; i < 20_000; i++) ctx.log.info('line ' + i, { text: 'x'.repeat(5_000) });
      ctx.log.error('one that matters');
    } };`,
  );
  const run = start(['run', bot, '--embedded', '--listen', '127.0.0.1:0']);
  await run.line(/one that matters/);
  run.kill('SIGTERM');
  const { status, stderr } = await run.exit();
  expect(status).toBe(0);
  const lines = stderr.split('\n').filter((line) => line.includes('plugin=chatty') && / line \d/.test(line));
  expect(lines.length).toBeGreaterThanOrEqual(500);
  expect(lines.length).toBeLessThan(700);
  expect(lines[0]!.length).toBeLessThan(1_200);
  const [, more] = /log lines of chatty: and (\d+) more/.exec(stderr)!;
  expect(lines.length + Number(more)).toBe(20_000);
});
