import { describe, expect, it } from 'vitest';
import { ChatosClient, type ClientOptions } from '../../src/client/index.ts';
import { connect, failure, openChannel, openPair, startServer } from './real-server.ts';

const create = (options: object) => ChatosClient.create({ server: '127.0.0.1:1', login: 'alice', ...options });

describe('the options of a client', () => {
  it.each([
    [{ connectTimeoutMs: NaN }, 'connectTimeoutMs: expected milliseconds'],
    [{ loginTimeoutMs: 0 }, 'loginTimeoutMs: expected milliseconds, 1 or more'],
    [{ establishTimeoutMs: -1 }, 'found -1'],
    [{ connectTimeout: 5 }, "did you mean 'connectTimeoutMs'?"],
    [{ waitForLogin: 'yes' }, 'waitForLogin: expected true or false'],
    [{ reconnect: 'yes' }, "reconnect: expected an object, found 'yes'"],
    [{ reconnect: { first: 5 } }, "reconnect: unknown key 'first'"],
    [{ reconnect: { firstMs: Infinity } }, 'reconnect: firstMs: expected milliseconds'],
    [{ login: undefined, sever: 'x' }, "did you mean 'server'?"],
  ])('%o are refused with INVALID_ARGUMENT', (options, message) => {
    const refused = { code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) as string };
    expect(() => create(options)).toThrow(expect.objectContaining(refused));
  });

  it('have their defaults where they are undefined, and no limit where they are more than a timer can hold', async () => {
    const { address } = await startServer();
    const times = ['connectTimeoutMs', 'loginTimeoutMs', 'establishTimeoutMs'] as const;
    for (const ms of [undefined, 2 ** 40, Infinity]) {
      const options: Partial<ClientOptions> = Object.fromEntries(times.map((key) => [key, ms]));
      const client = await connect(address, `alice-${ms}`, options);
      const bob = await connect(address, `bob-${ms}`, options);
      const [here] = await openChannel(client, bob);
      expect(here.destroyed).toBe(false);
    }
  });
});

describe('the options of a call', () => {
  it.each([{ timeoutMs: NaN }, { timeoutMs: -1 }, { timeout: 5 }])(
    '%o are refused with INVALID_ARGUMENT',
    async (wrong) => {
      const { alice } = await openPair();
      const calls = [
        alice.say('x', wrong),
        alice.tell('bob', 'x', wrong),
        alice.request('bob', wrong),
        alice.roundTrip(wrong),
      ];
      for (const call of calls) expect(await failure(call)).toMatchObject({ code: 'INVALID_ARGUMENT' });
    },
  );
});
