import { describe, expect, test } from 'vitest';
import type { BotEntry } from '../../src/bot/runtime-options.ts';
import { BotRuntime } from '../../src/bot/runtime.ts';
import { parseAddress } from '../../src/net/address.ts';
import { plugin } from '../support/bot-world.ts';

const entry: BotEntry = { plugin: plugin('echo', { onMessage: () => undefined }), server: parseAddress('127.0.0.1:1') };
const thrown = (message: string): object =>
  expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) as string }) as object;

describe('options of a runtime are checked when they are handed in', () => {
  test.each<[options: object, message: string]>([
    [{ standBy: true }, "runtime options: unknown key 'standBy'; did you mean 'standby'?"],
    [{ standby: 'yes' }, "runtime options: standby: expected true or false, found 'yes'"],
    [{ commandPrefix: 'bot ' }, 'runtime options: commandPrefix: expected one to eight characters'],
    [{ stateDirectory: '' }, 'runtime options: stateDirectory: expected a directory'],
    [{ log: { info: () => undefined } }, 'runtime options: log: expected a logger'],
    [{ observer: [] }, 'runtime options: observer: expected a function, found a list'],
    [{ flood: { queueTimeoutMs: -1 } }, 'flood limits: queueTimeoutMs: expected milliseconds, 1 to'],
    [
      { loopGuard: { quietMs: '1m' } },
      "loop limits: quietMs: expected milliseconds, 1 to 2147483647, or Infinity for ever, found '1m'",
    ],
    [{ breaker: { maxFailures: 1.5 } }, 'breaker limits: maxFailures: expected a whole number, 1 or more'],
    [
      { breaker: { maxPauseMs: Infinity } },
      'breaker limits: maxPauseMs: expected milliseconds, 1 to 2147483647, found Infinity',
    ],
  ])('%o', (options, message) => expect(() => new BotRuntime([entry], options)).toThrow(thrown(message)));

  test('and undefined leaves the default', () => {
    const options = { commandPrefix: undefined, flood: undefined, breaker: { maxFailures: undefined }, log: undefined };
    expect(() => new BotRuntime([entry], options as object)).not.toThrow();
  });

  test.each([{ timeoutMs: NaN }, { timeoutMs: -1 }, { timeout: 1 }])(
    'stop and reload turn down %o',
    async (options) => {
      const runtime = new BotRuntime([entry]);
      await expect(runtime.stop(options as object)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      await expect(runtime.reload(0, entry.plugin, options as object)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
      await runtime.stop();
    },
  );
});
