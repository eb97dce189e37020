import { expect, test } from 'vitest';
import { deserializeError, serializeError } from '../../../src/bot/isolation/serialized-error.ts';

/** How often an error is found inside of itself. */
function depthOf(error: unknown, inside: (error: Error) => unknown): number {
  return error instanceof Error ? 1 + depthOf(inside(error), inside) : 0;
}

test('an error that holds itself, as its cause or among its errors, comes across some levels deep', () => {
  const causing = new Error('its own cause');
  causing.cause = causing;
  expect(depthOf(deserializeError(serializeError(causing)), (error) => error.cause)).toBe(6);
  const holding = new AggregateError([], 'of itself');
  holding.errors.push(holding);
  const copy = deserializeError(serializeError(holding));
  expect(depthOf(copy, (error) => (error as AggregateError).errors?.[0])).toBe(6);
});

test('of many inner errors, the first ten come across', () => {
  const errors = Array.from({ length: 11 }, (_, number) => new Error(`${number}`));
  const copy = deserializeError(serializeError(new AggregateError(errors))) as AggregateError;
  expect(copy.errors.map((error: Error) => error.message)).toEqual(errors.slice(0, 10).map(({ message }) => message));
});

test('an error that cannot be read comes across as one that says so, also as a cause', () => {
  const trap = (): never => {
    throw new Error('trapped');
  };
  const unreadable = new Proxy(new Error('x'), { get: trap, getPrototypeOf: trap });
  const copy = deserializeError(serializeError(new Error('outside', { cause: unreadable })));
  expect([copy.message, (copy.cause as Error).message]).toEqual(['outside', 'something that cannot be shown']);
});
