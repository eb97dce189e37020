import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { unusedByRun } from '../../../src/cli/running/access-warnings.ts';
import { checkCluster } from '../../../src/cli/running/join-cluster.ts';
import { serveNodes } from '../../../src/cli/running/serve-nodes.ts';
import type { ServeFlags } from '../../../src/cli/running/node-arguments.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { writeText } from '../../support/bot-files.ts';
import { writeConfig } from '../../config/loading.ts';

const load = async (cluster: string) => loadConfig({ file: await writeConfig(`serve: { cluster: ${cluster} }`) });

async function checked(cluster: string, env: NodeJS.ProcessEnv = {}): Promise<void> {
  const loaded = await load(cluster);
  await writeText(loaded.directory, 'secret', 'a secret of enough bytes');
  await writeText(loaded.directory, 'short', 'short');
  await checkCluster(loaded, env);
}

it.each([
  [
    'a secret that is not there',
    '{ broker: nats://a, node: a, peer: a:1, secretFile: none }',
    /cannot read the secret/,
  ],
  ['a short secret', '{ broker: nats://a, node: a, peer: a:1, secretFile: short }', /needs at least 16/],
  ['no secret', '{ broker: nats://a, node: a, peer: a:1 }', /share a secret/],
  ['no peer', '{ broker: nats://a, node: a, secretFile: secret }', /serve\.cluster\.peer/],
  [
    'an authority that is not there',
    '{ broker: nats://a, node: a, peer: a:1, secretFile: secret, tls: { ca: none } }',
    /cannot read .*none, for NATS/,
  ],
  [
    'credentials that are none',
    '{ broker: nats://a, node: a, peer: a:1, secretFile: secret, credentials: secret }',
    /secret is not a file of credentials for NATS/,
  ],
])('a check finds %s', async (_, cluster, message) => {
  await expect(checked(cluster)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(message),
  });
});

it('a check accepts what a node would start with, some of which may be in the environment', async () => {
  await expect(checked('{ broker: nats://a, node: a, peer: a:1, secretFile: secret }')).resolves.toBeUndefined();
  const inPart = checked('{ broker: nats://a, node: a, secretFile: secret }', { CHATOSBOT_PEER: 'a:1' });
  await expect(inPart).resolves.toBeUndefined();
});

it('run says that it has no use for what makes a server several processes, or a node', async () => {
  expect(unusedByRun({ config: { serve: { workers: 1 } } })).toEqual([]);
  const { config } = await load('{ broker: nats://a }');
  expect(unusedByRun({ config: { serve: { ...config.serve, workers: 2 } } })).toEqual([
    expect.stringMatching(/^serve\.cluster has no effect, as this server is no node: .*'chatosbot serve'/),
    expect.stringMatching(/^serve\.workers has no effect: /),
  ]);
});

it('several nodes make no secret in a file that is named and is not there', async () => {
  const { file, directory } = await load('{ broker: nats://127.0.0.1:1, secretFile: none }');
  const flags = { nodes: 2, config: file!, drain: 1, logLevel: 'info', logFormat: 'text', control: false } as const;
  await expect(serveNodes(flags satisfies ServeFlags)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(/^cannot read the secret of the cluster, .*none: ENOENT/),
  });
  expect(existsSync(path.join(directory, 'none'))).toBe(false);
});

it.each(['node: a', 'peer: a:1', 'peerListen: a:1'])('several nodes cannot all have %s', async (key) => {
  const { file } = await load(`{ broker: nats://127.0.0.1:1, secretFile: none, ${key} }`);
  const flags = { nodes: 2, config: file!, drain: 1, logLevel: 'info', logFormat: 'text', control: false } as const;
  const [name] = key.split(':');
  await expect(serveNodes(flags)).rejects.toMatchObject({
    message: `serve.cluster.${name} is for one node, and --nodes starts several: leave it out`,
  });
});
