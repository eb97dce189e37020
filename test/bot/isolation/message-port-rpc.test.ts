import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MessagePortRpc } from '../../../src/bot/isolation/message-port-rpc.ts';
import { ChatosError, isChatosError, traceOf } from '../../../src/errors.ts';

interface Contract {
  work(text: string): unknown;
}

function connect(work: Contract['work']): MessagePortRpc<object, Contract> {
  const { port1, port2 } = new MessageChannel();
  new MessagePortRpc<Contract, object>(port2, { work });
  const asker = new MessagePortRpc<object, Contract>(port1, {});
  onTestFinished(() => asker.close(new Error('the test is over')));
  return asker;
}

async function failure(work: Contract['work']): Promise<unknown> {
  return connect(work)
    .call('work', '')
    .then(
      () => undefined,
      (error: unknown) => error,
    );
}

it('a port is closed for both sides', async () => {
  const { port1, port2 } = new MessageChannel();
  const closed = once(port2, 'close');
  new MessagePortRpc<object, Contract>(port1, {}).close(new Error('the worker is gone'));
  await expect(closed).resolves.toBeDefined();
});

describe('a call across a port', () => {
  it('brings back the answer', async () => {
    const asker = connect((text) => [text.toUpperCase(), new Date(0), /x/g]);
    expect(await asker.call('work', 'hi')).toEqual(['HI', new Date(0), /x/g]);
  });

  it('brings back a ChatosError with its code, fields, cause and stack', async () => {
    const error = await failure(() => {
      const cause = new TypeError('too deep');
      throw new ChatosError('STORE_FULL', 'it is full', { cause, fields: { bytes: 7n } });
    });
    expect(isChatosError(error, 'STORE_FULL')).toBe(true);
    expect(error).toMatchObject({ message: 'it is full', fields: { bytes: 7n }, cause: { name: 'TypeError' } });
    expect((error as Error).stack).toContain('message-port-rpc.test.ts');
  });

  it('brings back an error of Node with its code, and one without fields is no ChatosError', async () => {
    const error = await failure(() => {
      throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    });
    expect(error).toMatchObject({ message: 'no such file', code: 'ENOENT' });
    expect(isChatosError(error)).toBe(false);
  });

  it('brings back an AggregateError whole: its inner errors, their causes and their stacks', async () => {
    const error = await failure(() => {
      const deep = new Error('deep', { cause: new Error('deeper') });
      throw new AggregateError([new ChatosError('TIMED_OUT', 'late'), deep, 'text'], 'all failed');
    });
    expect(error).toBeInstanceOf(AggregateError);
    expect(error).toMatchObject({
      message: 'all failed',
      errors: [{ code: 'TIMED_OUT' }, { message: 'deep', cause: { message: 'deeper' } }, { message: 'text' }],
    });
    expect(traceOf(error)).toMatch(
      /AggregateError: all failed[^]*caused by: ChatosError: late[^]*caused by: Error: deep/,
    );
  });

  it.each([
    ['text', 'text'],
    [{ a: 1 }, '{"a":1}'],
  ])('brings back what is thrown and no error as one', async (thrown, message) => {
    const error = await failure(() => {
      throw thrown;
    });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ message });
  });

  it('fails where the answer cannot cross', async () => {
    expect(await failure(() => () => undefined)).toMatchObject({ name: 'DataCloneError' });
  });

  it('is refused where too many wait', async () => {
    const asker = connect(() => new Promise(() => undefined));
    for (let count = 0; count < 2_000; count += 1) asker.call('work', '').catch(() => undefined);
    await expect(asker.call('work', '')).rejects.toMatchObject({ code: 'QUEUE_FULL' });
  });

  it('is let through however many have been answered', async () => {
    const asker = connect((text) => text);
    for (let round = 0; round < 3; round += 1) {
      const answers = await Promise.all(Array.from({ length: 1_000 }, (_, call) => asker.call('work', `${call}`)));
      expect(answers.at(-1)).toBe('999');
    }
  });

  it('fails with the reason of the end when the calls end, and so does every call after it', async () => {
    const asker = connect(() => new Promise(() => undefined));
    const call = asker.call('work', '');
    asker.close(new Error('it is over'));
    await expect(call).rejects.toThrow('it is over');
    await expect(asker.call('work', '')).rejects.toThrow('it is over');
  });
});
