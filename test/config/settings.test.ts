import path from 'node:path';
import { expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { configuredServer, ownAddress } from '../../src/config/settings.ts';
import { parseAddress } from '../../src/net/address.ts';
import { formatAddresses } from '../../src/net/address-list.ts';
import { writeConfig } from './loading.ts';

it('clients of this machine do not connect where a proxy is expected, unless there is nothing else', () => {
  const behindProxy = parseAddress('tcp://0.0.0.0:7000?proxy=v2', 'listener');
  const plain = parseAddress('tcp://127.0.0.1:7001', 'listener');
  expect(ownAddress([behindProxy, plain])).toBe(plain);
  expect(ownAddress([plain, behindProxy])).toBe(plain);
  expect(ownAddress([behindProxy])).toBe(behindProxy);
});

it.each([
  ['a list', "server: ['tls://a?ca=ca.pem', b]"],
  ['text with commas', 'server: tls://a?ca=ca.pem, b'],
])('several addresses are one server, as %s, and their files are beside the configuration', async (_, text) => {
  const file = await writeConfig(`${text}\nbots: [{ path: a.ts, server: [c, d] }]`);
  const loaded = await loadConfig({ file });
  const ca = path.join(path.dirname(file), 'ca.pem');
  const named = [loaded.config.server!, 'c,d'].map((each) => formatAddresses(configuredServer(each, loaded)));
  expect(named).toEqual([`tls://a:7777?ca=${ca},tcp://b:7777`, 'tcp://c:7777,tcp://d:7777']);
  expect(loaded.config.bots).toEqual([{ path: 'a.ts', server: 'c,d' }]);
});
