/** Timers of bots, which outlive the process. */
import path from 'node:path';
import { expect, test } from 'vitest';
import { LAB, labFile, run, start, type Options } from './chatosbot.ts';

const BOT = `export const commands = {
  remind: {
    help: 'reminds you',
    args: { ms: { type: 'integer' }, text: { type: 'text' } },
    async run({ ms, text }, message, ctx) {
      await ctx.after(ms, 'remind', text);
      console.error('kept ' + text);
    },
  },
};
export const timers = {
  remind: (text, ctx, { lateMs }) => console.error('reminded of ' + text + (lateMs > 0 ? ', late' : '')),
};
`;
const there: Options = { cwd: path.join(LAB, 'timers') };
const RUN = ['run', 'rem.mjs', '--listen', '127.0.0.1:0'];

test('a timer runs after kill -9, once, and schedule lists it before', async () => {
  labFile('timers/rem.mjs', BOT);
  labFile('timers/package.json', '{}');
  const before = start(RUN, there);
  const [, at] = await before.line(/^rem: logged in as rem on tcp:\/\/(\S+)$/);
  await run(['say', '--server', at!, '!remind 3600000 bread'], there);
  await before.line(/kept bread/);
  await run(['say', '--server', at!, '!remind 1500 tea'], there);
  await before.line(/kept tea/);
  before.kill('SIGKILL');
  await before.exit();
  const listed = await run(['schedule', 'rem.mjs', '--json'], there);
  expect(
    listed.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([
    { due: expect.any(String) as string, bot: 'rem', login: 'rem', timer: 'remind' },
    { due: expect.any(String) as string, bot: 'rem', login: 'rem', timer: 'remind' },
  ]);
  const after = start(RUN, there);
  await after.line(/reminded of tea/);
  after.kill('SIGTERM');
  await after.exit();
  const left = await run(['schedule', 'rem.mjs'], there);
  expect(left.stdout).toMatch(/^\S+ \S+ \S+ {2}rem {2}remind\n$/);
});
