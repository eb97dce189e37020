import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { LAB } from './chatosbot.ts';

/** A pipe that is full, and that nobody reads. */
export function stalledOutput(name: string): number {
  const fifo = path.join(LAB, name);
  execFileSync('mkfifo', [fifo]);
  const filler = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  const output = openSync(fifo, 'r+');
  onTestFinished(() => {
    closeSync(filler);
    closeSync(output);
  });
  try {
    for (;;) writeSync(filler, Buffer.alloc(4096));
  } catch {
    return output;
  }
}
