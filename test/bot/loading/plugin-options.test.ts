import * as v from 'valibot';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { checkOptions } from '../../../src/bot/loading/plugin-options.ts';
import { readPlugin, type LoadedPlugin } from '../../../src/bot/loading/read-plugin.ts';

type Schema = LoadedPlugin['optionsSchema'];

const check = (optionsSchema: unknown, options: Record<string, unknown> = {}) =>
  checkOptions({ optionsSchema: optionsSchema as Schema }, options);
/** A schema written by hand. */
const schema = (validate: (value: unknown) => unknown) => ({ '~standard': { version: 1, vendor: 'hand', validate } });

const DICE = v.object({
  sides: v.optional(v.pipe(v.number(), v.minValue(2)), 6),
  colours: v.optional(v.array(v.object({ name: v.string() })), []),
});

describe('checkOptions', () => {
  it('takes any where no schema is declared', async () => {
    expect(await check(undefined, { a: 1 })).toEqual({ options: { a: 1 } });
  });

  it('fills in defaults, and hands on what the schema makes of the rest', async () => {
    expect(await check(DICE, {})).toEqual({ options: { sides: 6, colours: [] } });
    const upper = schema((value) => ({ value: { name: (value as { name: string }).name.toUpperCase() } }));
    expect(await check(upper, { name: 'x' })).toEqual({ options: { name: 'X' } });
  });

  it('tells all that is wrong at once, and where', async () => {
    const found = await check(DICE, { sides: 1, colours: [{ name: 'red' }, { name: 5 }] });
    expect(found).toMatchObject({ problems: [{ path: ['sides'] }, { path: ['colours', 1, 'name'] }] });
    const hand = schema(() => ({ issues: [{ message: 'a', path: [{ key: 'x' }, Symbol('y')] }, { message: 'b' }] }));
    expect(await check(hand)).toEqual({
      problems: [
        { path: ['x', 'Symbol(y)'], message: 'a' },
        { path: [], message: 'b' },
      ],
    });
  });

  it('waits for a schema that takes its time', async () => {
    const later = schema(async (value) => {
      await new Promise(setImmediate);
      return { value };
    });
    expect(await check(later, { a: 1 })).toEqual({ options: { a: 1 } });
  });

  it('does not wait for ever for a schema', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const found = check(schema(() => new Promise(() => {})));
    vi.advanceTimersByTime(30_000);
    const message = 'the schema failed: checking timed out after 30 s';
    expect(await found).toEqual({ problems: [{ path: [], message }] });
  });

  it.each<[string, unknown]>([
    [
      'throws',
      schema(() => {
        throw new Error('boom');
      }),
    ],
    ['rejects', schema(() => Promise.reject(new Error('boom')))],
    ['gives nothing', schema(() => undefined)],
    ['gives issues that are no list', schema(() => ({ issues: 'boom' }))],
  ])('tells of a schema that %s, and does not fail itself', async (_, broken) => {
    expect(await check(broken)).toMatchObject({ problems: [{ path: [], message: /^the schema failed: / }] });
  });

  it('tells where options lead back to themselves, where the schema follows them without end', async () => {
    const tree: v.GenericSchema = v.looseObject({ left: v.optional(v.lazy(() => tree)) });
    const twice = { left: {} };
    const options: Record<string, unknown> = { a: [twice, twice], left: { left: {} } };
    expect(await check(tree, options)).toEqual({ options });
    (options['left'] as Record<string, unknown>)['left'] = options;
    const message = expect.stringMatching(/^it leads back to a value that it is part of, .*: write the value out$/);
    expect(await check(tree, options)).toEqual({ problems: [{ path: ['left', 'left'], message }] });
    const list: unknown[] = [{}];
    list.push(list);
    const lists: v.GenericSchema = v.object({ all: v.array(v.any()) });
    expect(await check(lists, { all: list })).toEqual({ options: { all: list } });
    const nested: v.GenericSchema = v.union([v.array(v.lazy(() => nested)), v.object({})]);
    expect(await check(v.object({ all: nested }), { all: list })).toEqual({
      problems: [{ path: ['all', 1], message }],
    });
    const endless = schema(function again(value): unknown {
      return again(value);
    });
    expect(await check(endless, { a: 1 })).toMatchObject({ problems: [{ message: /^the schema failed: / }] });
  });

  it('takes no issues at all for a refusal, as the standard has it', async () => {
    expect(await check(schema(() => ({ issues: [] })))).toEqual({
      problems: [{ path: [], message: 'the schema rejects them' }],
    });
  });
});

it.each([['a text'], [{}], [{ '~standard': {} }], [() => undefined]])(
  'a plugin whose options are no schema is turned down: %j',
  (options) => {
    const read = () => readPlugin({ options, onStart: () => undefined }, { name: 'x', file: '/x.ts', shown: 'x.ts' });
    expect(read).toThrow(/x\.ts: options is not a Standard Schema/);
  },
);
