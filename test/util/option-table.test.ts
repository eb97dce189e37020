import { describe, expect, it } from 'vitest';
import { defaultsOf, resolveOptions, type OptionTable } from '../../src/util/option-table.ts';

interface Options {
  readonly idleTimeoutMs: number;
  readonly maxConnections: number;
  readonly maxQueuedBytes: number;
  readonly perSecond: number;
  readonly relay: 'auto' | 'streams';
  readonly standby: boolean;
  readonly prefix: string;
  readonly log: unknown;
  readonly names: readonly string[];
  readonly clock: object | undefined;
}

const TABLE: OptionTable<Options> = {
  idleTimeoutMs: { kind: 'ms', min: 1, default: 1000 },
  maxConnections: { kind: 'integer', min: 1, max: 64, default: 16 },
  maxQueuedBytes: { kind: 'integer', infinity: true, default: 1024 },
  perSecond: { kind: 'number', default: 5 },
  relay: { kind: 'choice', of: ['auto', 'streams'], default: 'auto' },
  standby: { kind: 'boolean', default: false },
  prefix: { kind: 'text', default: '!' },
  log: { kind: 'any', default: undefined },
  names: { kind: 'texts', problem: (text) => (text === 'bob' ? "'bob' is no name" : undefined), default: [] },
  clock: { kind: 'object', a: 'a clock', methods: ['now', 'wait'], default: undefined },
};

const resolve = (given: object | undefined) => resolveOptions<Options>('test options', given, TABLE);

describe('options', () => {
  it('are the defaults where nothing is given, and where undefined is', () => {
    expect(resolve(undefined)).toEqual(defaultsOf(TABLE));
    const given = { idleTimeoutMs: undefined, relay: undefined, log: undefined };
    expect(resolve(given)).toEqual({
      idleTimeoutMs: 1000,
      maxConnections: 16,
      maxQueuedBytes: 1024,
      perSecond: 5,
      relay: 'auto',
      standby: false,
      prefix: '!',
      log: undefined,
      names: [],
      clock: undefined,
    });
  });

  it('are what is given', () => {
    const given = {
      idleTimeoutMs: 0.5 + 1,
      maxConnections: 64,
      maxQueuedBytes: 0,
      perSecond: 0.25,
      relay: 'streams',
      standby: true,
      prefix: '/',
      log: console,
      names: ['alice'],
      clock: { now: () => 0, wait: () => 0, more: 1 },
    };
    expect(resolve(given)).toEqual(given);
  });

  it('may be Infinity for a time, and where there may be no limit', () => {
    expect(resolve({ idleTimeoutMs: Infinity, maxQueuedBytes: Infinity })).toMatchObject({
      idleTimeoutMs: Infinity,
      maxQueuedBytes: Infinity,
    });
  });

  it.each([
    [{ idleTimeoutMs: NaN }, 'idleTimeoutMs: expected milliseconds, 1 to 2147483647, or Infinity for ever, found NaN'],
    [{ idleTimeoutMs: 0 }, 'found 0'],
    [{ idleTimeoutMs: 2 ** 31 }, 'found 2147483648'],
    [{ idleTimeoutMs: -Infinity }, 'found -Infinity'],
    [{ idleTimeoutMs: '1000' }, "found '1000'"],
    [{ idleTimeoutMs: null }, 'found null'],
    [{ maxConnections: Infinity }, 'maxConnections: expected a whole number, 1 to 64, found Infinity'],
    [{ maxConnections: 1.5 }, 'found 1.5'],
    [{ maxConnections: 1n }, 'found 1n'],
    [{ maxQueuedBytes: -1 }, 'expected a whole number, 0 or more, or Infinity for no limit, found -1'],
    [{ perSecond: -0.5 }, 'expected a number, 0 or more, found -0.5'],
    [{ relay: 'stream' }, "relay: expected one of 'auto', 'streams', found 'stream'"],
    [{ standby: 1 }, 'standby: expected true or false, found 1'],
    [{ prefix: ['!'] }, 'prefix: expected a text, found a list'],
    [{ prefix: 5n, idleTimeoutMs: 'x'.repeat(1000) }, `found '${'x'.repeat(63)}…'`],
    [{ names: 'alice' }, "names: expected a list of texts, found 'alice'"],
    [{ names: ['alice', 5] }, 'names: expected a list of texts, found a list with 5'],
    [{ names: [['alice']] }, 'names: expected a list of texts, found a list with a list'],
    [{ names: ['alice', 'bob'] }, "test options: names: 'bob' is no name"],
    [{ clock: null }, 'clock: expected a clock (with the methods now, wait), found null'],
    [{ clock: { now: () => 0 } }, 'clock: expected a clock (with the methods now, wait), found an object'],
    [{ idleTimeout: 5 }, "test options: unknown key 'idleTimeout'; did you mean 'idleTimeoutMs'?"],
    [{ idleTimeout: undefined }, "unknown key 'idleTimeout'"],
    [{ toString: 5 }, "unknown key 'toString'"],
    [['auto'], 'test options: expected an object, found a list'],
    [null, 'test options: expected an object, found null'],
    ['auto', "test options: expected an object, found 'auto'"],
  ])('%o are refused with INVALID_ARGUMENT: %s', (given, message) => {
    const refused = { code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) as string };
    expect(() => resolve(given as object)).toThrow(expect.objectContaining(refused));
  });

  it('are whole numbers that are exact', () => {
    expect(resolve({ maxQueuedBytes: 2 ** 53 - 1 }).maxQueuedBytes).toBe(2 ** 53 - 1);
    expect(() => resolve({ maxQueuedBytes: 2 ** 53 })).toThrow('maxQueuedBytes: expected a whole number');
  });

  it('name the key that is wrong in a field of the error', () => {
    expect(() => resolve({ perSecond: NaN })).toThrow(expect.objectContaining({ fields: { option: 'perSecond' } }));
  });
});
