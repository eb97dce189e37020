import { MessageChannel } from 'node:worker_threads';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { PortCalls, type Calls } from '../../../src/bot/isolation/port-calls.ts';
import { ChatosError, isChatosError } from '../../../src/errors.ts';

interface Contract {
  work(args: { readonly text: string }, signal: AbortSignal): unknown;
}

function connect(work: Calls<Contract>['work']): PortCalls<object, Contract> {
  const { port1, port2 } = new MessageChannel();
  new PortCalls<Contract, object>(port2, { work });
  const asker = new PortCalls<object, Contract>(port1, {});
  onTestFinished(() => asker.close(new Error('the test is over')));
  return asker;
}

async function failure(work: Calls<Contract>['work']): Promise<unknown> {
  return connect(work)
    .call('work', { text: '' })
    .then(
      () => undefined,
      (error: unknown) => error,
    );
}

describe('a call across a port', () => {
  it('brings back the answer', async () => {
    const asker = connect(({ text }) => [text.toUpperCase(), new Date(0), /x/g]);
    expect(await asker.call('work', { text: 'hi' })).toEqual(['HI', new Date(0), /x/g]);
    expect(asker.pending).toBe(0);
  });

  it('brings back a ChatosError with its code, fields, cause and stack', async () => {
    const error = await failure(() => {
      const cause = new TypeError('too deep');
      throw new ChatosError('STORE_FULL', 'it is full', { cause, fields: { bytes: 7n } });
    });
    expect(isChatosError(error, 'STORE_FULL')).toBe(true);
    expect(error).toMatchObject({ message: 'it is full', fields: { bytes: 7n }, cause: { name: 'TypeError' } });
    expect((error as Error).stack).toContain('port-calls.test.ts');
  });

  it('brings back an error of Node with its code, and one without fields is no ChatosError', async () => {
    const error = await failure(() => {
      throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    });
    expect(error).toMatchObject({ message: 'no such file', code: 'ENOENT' });
    expect(isChatosError(error)).toBe(false);
  });

  it.each([['text'], [undefined], [null], [17n]])('brings back %s where that is thrown', async (thrown) => {
    const asker = connect(() => {
      throw thrown;
    });
    const caught = await asker.call('work', { text: '' }).catch((error: unknown) => ({ error }));
    expect(caught).toEqual({ error: thrown });
  });

  it('fails where the answer cannot cross', async () => {
    expect(await failure(() => () => undefined)).toMatchObject({ name: 'DataCloneError' });
  });

  it('is cancelled at the other side when its signal fires', async () => {
    const asker = connect(
      (_, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('given up')))),
    );
    const controller = new AbortController();
    const call = asker.call('work', { text: '' }, controller.signal);
    controller.abort();
    await expect(call).rejects.toThrow('given up');
  });

  it('is not asked at all where its signal has fired before, or is none', async () => {
    const work = vi.fn<Contract['work']>();
    const asker = connect(work);
    await expect(asker.call('work', { text: 'a' }, AbortSignal.abort())).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(asker.call('work', { text: 'b' }, 5 as never)).rejects.toThrow(TypeError);
    await asker.call('work', { text: 'c' });
    expect(work.mock.calls).toEqual([[{ text: 'c' }, expect.anything()]]);
  });

  it('is refused where too many wait, or too much text', async () => {
    const asker = connect(() => new Promise(() => undefined));
    const full = { code: 'QUEUE_FULL' };
    for (let count = 0; count < 2_000; count += 1) asker.call('work', { text: '' }).catch(() => undefined);
    await expect(asker.call('work', { text: '' })).rejects.toMatchObject(full);
    const other = connect(() => new Promise(() => undefined));
    other.call('work', { text: 'x'.repeat(16_000_000) }).catch(() => undefined);
    await expect(other.call('work', { text: 'x'.repeat(1_000_000) })).rejects.toMatchObject(full);
  });

  it('fails with the reason of the end when the calls end, and so does every call after it', async () => {
    const asker = connect(() => new Promise(() => undefined));
    const call = asker.call('work', { text: '' });
    asker.close(new Error('it is over'));
    await expect(call).rejects.toThrow('it is over');
    await expect(asker.call('work', { text: '' })).rejects.toThrow('it is over');
  });
});
