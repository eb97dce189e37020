import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { withEither } from '../../src/util/abort.ts';

describe('something with a signal of two', () => {
  it('leaves nothing at either of them, be it done or failed', async () => {
    const [longLived, other] = [new AbortController().signal, new AbortController().signal];
    await expect(withEither(longLived, other, () => Promise.resolve('done'))).resolves.toBe('done');
    await expect(withEither(longLived, other, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    for (const signal of [longLived, other]) expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it.each([0, 1])('is aborted for the reason of the one that is aborted, before or meanwhile (%s)', async (index) => {
    const controllers = [new AbortController(), new AbortController()] as const;
    const [longLived, other] = controllers;
    const reason = new Error('it is over');
    await withEither(longLived.signal, other.signal, async (signal) => {
      expect(signal.aborted).toBe(false);
      controllers[index]!.abort(reason);
      expect(signal.reason).toBe(reason);
    });
    await withEither(longLived.signal, other.signal, async (signal) => expect(signal.reason).toBe(reason));
  });
});
