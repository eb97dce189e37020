import path from 'node:path';
import { expect, it } from 'vitest';
import { clusterSettings, type ClusterFlags } from '../../src/config/cluster.ts';
import { loadConfig } from '../../src/config/load.ts';
import { tempDirectory, writeText } from '../support/bot-files.ts';
import { complaints, writeConfig } from './loading.ts';

const SECRET = 'a'.repeat(32);

async function settingsOf(flags: ClusterFlags, text?: string) {
  if (text === undefined) return clusterSettings(flags, await loadConfig({ from: await tempDirectory() }));
  const file = await writeConfig(text);
  await writeText(path.dirname(file), 'secret', `${SECRET}\n`);
  return clusterSettings(flags, await loadConfig({ file }));
}

it('a server is a node where serve.cluster says so, with files beside the configuration', async () => {
  const settings = await settingsOf(
    {},
    'serve: { cluster: { broker: [nats://a, tls://b:1], credentials: user.creds, tls: { ca: ca.pem }, node: one, peer: 127.0.0.1:7791, peerListen: 0.0.0.0:7790, secretFile: secret, replicas: 3, encrypt: false } }',
  );
  const { broker, secretFile, ...rest } = settings!;
  const directory = path.dirname(secretFile);
  expect(broker).toEqual({
    servers: ['nats://a', 'tls://b:1'],
    credsFile: path.join(directory, 'user.creds'),
    tls: { caFile: path.join(directory, 'ca.pem') },
    replicas: 3,
  });
  expect(rest).toEqual({
    node: 'one',
    peer: '127.0.0.1:7791',
    peerListen: '0.0.0.0:7790',
    secret: Buffer.from(SECRET),
    leaseTtlMs: 15_000,
    claimTimeoutMs: 4_000,
    encrypt: false,
  });
});

it('flags beat the configuration, and each can be left out there', async () => {
  const file = await writeText(await tempDirectory(), 'secret', `  ${SECRET}b\n`);
  const flags = { cluster: ['nats://c'], node: 'two', peer: 'host:1', clusterSecret: file };
  const text = 'serve: { cluster: { broker: nats://a, node: one, peer: 127.0.0.1:0, secretFile: secret } }';
  const little = 'serve: { cluster: { leaseTtlMs: 3000 } }';
  for (const settings of [await settingsOf(flags), await settingsOf(flags, text), await settingsOf(flags, little)]) {
    expect(settings).toMatchObject({ broker: { servers: ['nats://c'] }, node: 'two', peer: 'host:1' });
    expect(Buffer.from(settings!.secret).toString()).toBe(`${SECRET}b`);
  }
});

it('without either, a server is no node', async () => {
  expect(await settingsOf({})).toBeUndefined();
  expect(await settingsOf({}, 'serve: { workers: 2 }')).toBeUndefined();
});

it.each<[string, ClusterFlags, string | undefined, RegExp]>([
  ['a flag without a cluster', { node: 'one' }, undefined, /^--node is for a node of a cluster: add --cluster nats:/],
  ['no secret', { cluster: ['nats://a'], peer: 'a:1' }, undefined, /^the nodes of a cluster share a secret: make one/],
  ['no NATS server', {}, 'serve: { cluster: { peer: a:1, secretFile: secret } }', /add its broker, or --cluster nats:/],
  [
    'a peer address of which nobody knows the port',
    {},
    'serve: { cluster: { broker: nats://a, secretFile: secret, peer: 127.0.0.1:0, peerListen: 0.0.0.0:7790 } }',
    /at a port that is known, not at 127\.0\.0\.1:0$/,
  ],
  ['no peer address', {}, 'serve: { cluster: { broker: nats://a, secretFile: secret } }', /as --peer 192/],
  [
    'a secret that is not there',
    { cluster: ['nats://a'], peer: 'a:1', clusterSecret: '/nowhere/secret' },
    undefined,
    /^cannot read the secret of the cluster, \/nowhere\/secret: ENOENT/,
  ],
])('what is missing is named: %s', async (_, flags, text, message) => {
  await expect(settingsOf(flags, text)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(message),
  });
});

it.each([
  ["{ broker: 'http://a' }", /broker.*'http:\/\/a' is not the address of a NATS server/],
  ['{ broker: nats://a, node: a.b }', /node: a node has a name of 1 to 32 letters, digits, - and _/],
  ['{ broker: nats://a, peer: 0.0.0.0:7790 }', /peer: .*nobody can connect to 0\.0\.0\.0/],
  ['{ broker: nats://a, peer: host }', /peer: .*the port is missing/],
  ["{ broker: nats://a, peer: '27990' }", /peer: expected an address .*, as 192\.0\.2\.7:7790: the host is missing/],
  ['{ broker: nats://a, leaseTtlMs: 15 }', /leaseTtlMs: expected milliseconds, 2000 to 600000/],
  // A server waits 5 s for its directory: longer would hide why.
  ['{ broker: nats://a, claimTimeoutMs: 5000 }', /claimTimeoutMs: expected milliseconds, 100 to 4500/],
  ['{ broker: nats://a, replicas: 2 }', /replicas: expected 1, 3 or 5/],
  ['{ broker: nats://a, pear: host:1 }', /did you mean 'peer'/],
])('the configuration says where it is wrong: %s', async (text, expected) => {
  const found = await complaints(`serve:\n  cluster: ${text}\n`);
  expect(found).toEqual([expect.stringMatching(expected)]);
  expect(found[0]).toMatch(/^FILE:2:\d+: serve\.cluster/);
});
