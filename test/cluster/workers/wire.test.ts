import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { ChatosError } from '../../../src/errors.ts';
import { Wire, type Port } from '../../../src/cluster/workers/wire.ts';

type Asked = { readonly double: readonly [question: number, answer: number] };

/** Two processes; what one says to a port that has failed does not arrive. */
function wires() {
  const [here, there] = [new EventEmitter(), new EventEmitter()];
  let failure: Error | null = null;
  const portTo = (own: EventEmitter, other: EventEmitter): Port => ({
    on: (event, listener) => own.on(event, listener),
    send: (message, handle, _options, done) => {
      if (!failure) setImmediate(() => other.emit('message', structuredClone(message), handle));
      done(failure);
    },
  });
  const asking = new Wire<Asked, {}>(portTo(here, there), {});
  const answering = new Wire<{}, Asked>(portTo(there, here), {});
  return { asking, answering, fail: (error: Error) => (failure = error) };
}

const lost = (message: string) => expect.objectContaining({ code: 'CONNECTION_LOST', message });

it('questions are answered each by its own, and by errors with their codes and fields', async () => {
  const { asking, answering } = wires();
  const full = new ChatosError('QUEUE_FULL', 'too many', { fields: { limit: 3 } });
  answering.answer({
    double: async (number) => {
      if (number === 3) throw full;
      if (number === 4) throw new RangeError('out of range');
      return 2 * number;
    },
  });
  const [one, two, three, four] = [1, 2, 3, 4].map((number) => asking.ask('double', number));
  expect(await Promise.all([two, one])).toEqual([4, 2]);
  await expect(three).rejects.toMatchObject({ code: 'QUEUE_FULL', message: 'too many', fields: { limit: 3 } });
  await expect(four).rejects.toThrow(/^out of range$/);
});

it('a question that the other process does not know is answered so', async () => {
  const { asking } = wires();
  await expect(asking.ask('double', 1)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: "the other process does not answer 'double'",
  });
});

it('what was asked of a process that has gone is rejected, and so is what is asked of it later', async () => {
  const { asking } = wires();
  const before = asking.ask('double', 1);
  asking.close('it has ended');
  asking.close('it has ended again');
  await expect(before).rejects.toEqual(lost('it has ended'));
  await expect(asking.ask('double', 2)).rejects.toEqual(lost('it could not be asked: it has ended'));
});

it('what cannot be sent is rejected', async () => {
  const { asking, fail } = wires();
  fail(new Error('EPIPE'));
  await expect(asking.ask('double', 1)).rejects.toEqual(lost('it could not be asked: EPIPE'));
});
