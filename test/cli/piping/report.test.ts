import process from 'node:process';
import { expect, onTestFinished, test } from 'vitest';
import { reporter } from '../../../src/cli/piping/report.ts';
import { Output } from '../../../src/cli/terminal/standard-streams.ts';

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

test('a reader of reports that stalls costs lines, which are counted, and no memory', async () => {
  // What is taken goes nowhere: it is closed.
  const stderr = new Stalled(2, 'closed');
  const own = Object.getOwnPropertyDescriptor(process, 'stderr')!;
  onTestFinished(() => void Object.defineProperty(process, 'stderr', own));
  Object.defineProperty(process, 'stderr', { configurable: true, enumerable: true, get: () => stderr });

  const report = reporter({ keep: true });
  const count = 30_000;
  for (let peer = 0; peer < count; peer += 1) report('connected', `connected to peer ${peer}`, { peer: String(peer) });
  expect(stderr.writableLength).toBeLessThan(1024 * 1024);
  stderr.goOn();
  await expect.poll(() => stderr.taken.at(-1)).toMatch(/\d+ lines were lost here: they could not be written/);
  const lost = Number(/\d+/.exec(stderr.taken.at(-1)!)![0]);
  expect(lost).toBeGreaterThan(count / 2);
  expect(stderr.taken).toHaveLength(count - lost + 1);
});
