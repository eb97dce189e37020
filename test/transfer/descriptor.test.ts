import { expect, test } from 'vitest';
import { isShell } from '../../src/transfer/descriptor.ts';

test.each(['bash', 'dash', 'sh', 'zsh-5.9', 'ksh93', 'mksh', 'fish', 'busybox', 'bash (deleted)'])(
  '%s is a shell',
  (name) => {
    expect(isShell(`/usr/bin/${name}`)).toBe(true);
  },
);

test.each(['node', 'python3.11', 'systemd', 'ssh', 'sshd', 'tini', 'shepherd'])('%s is none', (name) => {
  expect(isShell(`/usr/sbin/${name}`)).toBe(false);
});
