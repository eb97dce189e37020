import process from 'node:process';
import { expect, it } from 'vitest';
import { ExecProcess } from '../../../src/cli/piping/exec-process.ts';

it.each([
  ['that has ended by itself', 'exit 0'],
  ['that has to be ended', 'exec sleep 600'],
])('a command %s leaves nothing behind that would be done when we exit', async (_, command) => {
  const before = process.listeners('exit');
  const exec = new ExecProcess(command, { login: 'alice', peer: 'bob' });
  expect(process.listeners('exit')).toHaveLength(before.length + 1);
  if (command === 'exit 0') await exec.exited;
  await exec.end();
  await exec.exited;
  expect(process.listeners('exit')).toEqual(before);
});

it('a command gets the login of its peer without a NUL, which no environment can have', async () => {
  const exec = new ExecProcess('printf %s "$CHATOSBOT_PEER"', { login: 'alice', peer: 'b\0ob' });
  expect(String(await exec.input.read())).toBe('bob');
  await exec.end();
});
