import { expect, it } from 'vitest';
import { ChatosClient } from '../../src/client/index.ts';
import { currentKey, replaceOwnKey } from '../../src/net/own-keys.ts';
import { makeCertificate } from '../support/certificates.ts';
import { Rig } from '../support/server-rig.ts';

it('clients of the same process follow their server to another key, and to the one it had before', async () => {
  const rig = await Rig.start();
  const address = await rig.listenTls();
  const before = await makeCertificate('before');
  for (const pair of [before, await makeCertificate('after'), before]) {
    await rig.server.replaceCertificate(pair);
    const client = await ChatosClient.connect({ server: address, login: 'alice' });
    expect(client.connected).toBe(true);
    await client.close();
  }
});

it('a pin of a server elsewhere stays what it is', () => {
  replaceOwnKey('one', 'two');
  replaceOwnKey('two', 'three');
  expect(['one', 'two', 'three', 'four'].map(currentKey)).toEqual(['three', 'three', 'three', 'four']);
});
