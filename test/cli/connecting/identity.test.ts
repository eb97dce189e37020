import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findIdentity, ownIdentityFile } from '../../../src/cli/connecting/identity.ts';
import { makeIdentity } from '../../../src/cli/connecting/new-identity.ts';
import type { LoadedConfig } from '../../../src/config/read.ts';
import type { Config } from '../../../src/config/schema.ts';
import { issue } from '../../support/issued.ts';

let folder: string;
const loaded = (config: Config): LoadedConfig => ({
  file: undefined,
  directory: folder,
  config,
  locate: () => undefined,
});
const TLS = { transport: 'tls' } as const;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'chatosbot-identity-'));
  vi.stubEnv('XDG_CONFIG_HOME', folder);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

async function saved(name: string): Promise<{ file: string; pin: string }> {
  const { cert, key, pin } = await issue();
  const file = path.join(folder, name);
  await writeFile(file, cert + key, { mode: 0o600 });
  return { file, pin };
}

describe('the identity that is shown', () => {
  it("is the user's own where there is one", async () => {
    expect(await findIdentity([TLS], undefined, loaded({}))).toBeUndefined();
    await makeIdentity(ownIdentityFile());
    expect(await findIdentity([TLS], undefined, loaded({}))).toMatchObject({
      fingerprint: expect.stringMatching(/^sha256:/) as string,
    });
    expect(await findIdentity([TLS], false, loaded({}))).toBeUndefined();
    expect(await findIdentity([TLS], undefined, loaded({ identity: false }))).toBeUndefined();
  });

  it('is that of the flag before that of the configuration, which is beside its file', async () => {
    const [flag, configured] = await Promise.all([saved('flag.pem'), saved('configured.pem')]);
    const config = loaded({ identity: 'configured.pem' });
    expect(await findIdentity([TLS], [flag.file], config)).toMatchObject({ fingerprint: flag.pin });
    expect(await findIdentity([TLS], undefined, config)).toMatchObject({ fingerprint: configured.pin });
    await expect(findIdentity([TLS], undefined, loaded({ identity: 'no.pem' }))).rejects.toThrow(
      'no.pem does not exist',
    );
  });

  it('is none where the folder of settings cannot be reached', async () => {
    const { file } = await saved('a-file');
    vi.stubEnv('XDG_CONFIG_HOME', file);
    expect(await findIdentity([TLS], undefined, loaded({}))).toBeUndefined();
  });

  it('is none on a plain connection, where it is not even read', async () => {
    expect(await findIdentity([{ transport: 'tcp' }], ['/nowhere.pem'], loaded({}))).toBeUndefined();
  });
});

describe('making an identity', () => {
  it('replaces nothing', async () => {
    const { file } = await saved('mine.pem');
    expect(await makeIdentity(file)).toBe(false);
    expect(await makeIdentity(path.join(folder, 'new.pem'))).toBe(true);
  });
});
