import type { spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import process from 'node:process';
import { expect, onTestFinished, test } from 'vitest';
import { deviceSource } from '../../src/transfer/device-source.ts';

test('where no process can be started, for want of descriptors, a thread reads', async () => {
  const listeners = process.listeners('exit');
  const fd = openSync('package.json', 'r');
  onTestFinished(() => closeSync(fd));
  // What Node.js returns at EMFILE: no streams, and the error follows.
  const start = (): EventEmitter => {
    const child = Object.assign(new EventEmitter(), { stdio: undefined, kill: () => false });
    process.nextTick(() => child.emit('error', new Error('spawn EMFILE')));
    return child;
  };
  const source = deviceSource(fd, start as object as typeof spawn);
  expect(String(await source.read())).toContain('"name": "chatosbot"');
  source.close();
  expect(process.listeners('exit')).toEqual(listeners);
});
