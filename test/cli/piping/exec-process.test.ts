import process from 'node:process';
import { expect, it, onTestFinished, vi } from 'vitest';
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

it('what a command has left running on purpose is not ended when we exit', async () => {
  const before = process.listeners('exit');
  const exec = new ExecProcess('exit 0', { login: 'alice', peer: 'bob' });
  await exec.exited;
  exec.leave();
  expect(process.listeners('exit')).toEqual(before);
});

it('a peer may send for 10 s to a command that has ended, then it is an error', async () => {
  const exec = new ExecProcess('exit 0', { login: 'alice', peer: 'bob' });
  await exec.exited;
  onTestFinished(() => exec.end());
  const endedAt = performance.now();
  const now = vi.spyOn(performance, 'now');
  onTestFinished(() => now.mockRestore());
  now.mockReturnValue(endedAt + 9_900);
  await exec.output.write(Buffer.from('too late to be read'));
  now.mockReturnValue(endedAt + 10_001);
  await expect(exec.output.write(Buffer.from('still'))).rejects.toMatchObject({
    code: 'CHANNEL_ABORTED',
    message: 'bob went on sending after the command for it had ended',
  });
});

it('a command gets the login of its peer without a NUL, which no environment can have', async () => {
  const exec = new ExecProcess('printf %s "$CHATOSBOT_PEER"', { login: 'alice', peer: 'b\0ob' });
  expect(String(await exec.input.read())).toBe('bob');
  await exec.end();
});
