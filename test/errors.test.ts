import { describe, expect, it } from 'vitest';
import { messageOf, traceOf } from '../src/errors.ts';

describe('what is told of anything that was thrown', () => {
  it.each([
    [new Error('boom'), 'boom'],
    ['a text', 'a text'],
    [undefined, 'undefined'],
    [Symbol('boo'), 'Symbol(boo)'],
    [{ status: 502, body: { error: 'busy' } }, '{"status":502,"body":{"error":"busy"}}'],
    [Object.assign(Object.create(null) as object, { code: 7 }), '{"code":7}'],
    [{ toString: () => 'its own words' }, 'its own words'],
    [Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    [new TypeError(''), 'TypeError'],
  ])('of %o is %s', (thrown, message) => {
    expect(messageOf(thrown)).toBe(message);
  });

  it('is that it cannot be shown, where it throws at every look', () => {
    const refuse = (): never => {
      throw new Error('no');
    };
    for (const thrown of [{ toString: refuse }, { toJSON: refuse }, new Proxy({}, { get: refuse })]) {
      expect(messageOf(thrown)).toBe('something that cannot be shown');
    }
  });
});

describe('the trace of what was thrown', () => {
  it('has what caused it, and what caused that', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), {
      stack: 'Error: refused\n    at c:1',
    });
    const failed = Object.assign(new TypeError('fetch failed', { cause: refused }), { stack: 'TypeError\n    at b:1' });
    const error = Object.assign(new Error('no weather', { cause: failed }), { stack: 'Error: no weather\n    at a:1' });
    expect(traceOf(error)).toBe(
      'Error: no weather\n    at a:1\ncaused by: TypeError\n    at b:1\ncaused by: Error: refused\n    at c:1',
    );
  });

  it('has what an AggregateError holds, and causes that are no errors', () => {
    const error = new AggregateError([new Error('one'), 'two'], 'all failed');
    expect(traceOf(error)).toMatch(/^AggregateError: all failed\n[^]*\ncaused by: Error: one\n[^]*\ncaused by: two$/);
  });

  it('ends, where an error causes itself, and where causes have no end', () => {
    const circle = new Error('round');
    circle.cause = circle;
    expect(traceOf(circle)).toBe(circle.stack);
    const endless = { get: (): Error => Object.defineProperty(new Error('more'), 'cause', endless) };
    expect(traceOf(Object.defineProperty(new Error('first'), 'cause', endless))!.match(/caused by/g)).toHaveLength(5);
  });

  it('is none where there is none', () => {
    expect(traceOf('a text')).toBeUndefined();
  });
});
