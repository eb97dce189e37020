import { expect, it } from 'vitest';
import { ownAddress } from '../../src/config/settings.ts';
import { parseAddress } from '../../src/net/address.ts';

it('clients of this machine do not connect where a proxy is expected, unless there is nothing else', () => {
  const behindProxy = parseAddress('tcp://0.0.0.0:7000?proxy=v2', 'listener');
  const plain = parseAddress('tcp://127.0.0.1:7001', 'listener');
  expect(ownAddress([behindProxy, plain])).toBe(plain);
  expect(ownAddress([plain, behindProxy])).toBe(plain);
  expect(ownAddress([behindProxy])).toBe(behindProxy);
});
