import process from 'node:process';
import { onTestFinished } from 'vitest';
import { Output } from '../../src/cli/terminal/standard-streams.ts';

/** Standard error, whose reader takes nothing until it is asked to. */
class Stalled extends Output {
  readonly taken: string[] = [];
  #held: (() => void) | undefined;
  #isStalled = true;

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const take = (): void => {
      this.taken.push(String(chunk));
      super._write(chunk, encoding, done);
    };
    if (this.#isStalled) this.#held = take;
    else take();
  }

  goOn(): void {
    this.#isStalled = false;
    this.#held?.();
  }
}

/** Puts it in the place of the standard error of this process until the end of the test. What is taken goes nowhere. */
export function stallStandardError(): Stalled {
  const stderr = new Stalled(2, 'closed');
  const own = Object.getOwnPropertyDescriptor(process, 'stderr')!;
  onTestFinished(() => void Object.defineProperty(process, 'stderr', own));
  Object.defineProperty(process, 'stderr', { configurable: true, enumerable: true, get: () => stderr });
  return stderr;
}
