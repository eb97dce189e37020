import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { LoadedConfig } from '../../config/read.ts';
import type { Address } from '../../net/address.ts';
import { loadIdentity, type Identity } from '../../net/identity.ts';
import { configDirectory } from '../../util/config-directory.ts';
import { warnOfReaders } from './readers.ts';

/** `--identity`, as often as it was given; or `--no-identity`. */
export type IdentityFlag = readonly string[] | false | undefined;

/** Where an identity is: one file with certificate and key, or two. */
export type IdentityFiles = readonly string[];

/** The user's own identity: made by `chatosbot identity`, shown to every `tls://` server from then on. */
export function ownIdentityFile(): string {
  return path.join(configDirectory(), 'identity.pem');
}

/** Those of a configuration's key `identity`, relative to its file; `false` where none is to be shown. */
export function configuredIdentity(
  identity: string | readonly string[] | false | undefined,
  directory: string,
): IdentityFiles | false | undefined {
  if (identity === undefined || identity === false) return identity;
  return [identity].flat().map((file) => path.resolve(directory, file));
}

/** Where the identity is that is shown to `tls://` servers; `false` where none is to be shown. */
export function identityFiles(flag: IdentityFlag, { config, directory }: LoadedConfig): IdentityFiles | false {
  return flag ?? configuredIdentity(config.identity, directory) ?? [ownIdentityFile()];
}

/**
 * The identity to show to a server: that of the flag, else of the configuration, else the user's own where it exists.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where it cannot be read
 */
export async function findIdentity(
  server: readonly Pick<Address, 'transport'>[],
  flag: IdentityFlag,
  loaded: LoadedConfig,
): Promise<Identity | undefined> {
  if (!server.some(({ transport }) => transport === 'tls')) return undefined;
  const files = identityFiles(flag, loaded);
  return files === false ? undefined : readIdentity(files);
}

/**
 * The identity that a person has for `tls://` servers and cannot show to this one: who is refused a login for it is told
 * so. One that cannot be read is in nobody's way here.
 */
export async function unshownIdentity(flag: IdentityFlag, loaded: LoadedConfig): Promise<Identity | undefined> {
  const files = identityFiles(flag, loaded);
  return files === false ? undefined : loadIdentity(...files).catch(() => undefined);
}

/**
 * Reads an identity, and warns where others can read its key. The user's own may be missing.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where it cannot be read
 */
export async function readIdentity(files: IdentityFiles): Promise<Identity | undefined> {
  const isOwn = files.length === 1 && files[0] === ownIdentityFile();
  if (isOwn && !(await exists(files[0]!))) return undefined;
  const identity = await loadIdentity(...files);
  // The key is in the last file.
  await warnOfReaders(files.at(-1)!, 'a private key');
  return identity;
}

/** Whether there is such a file. A folder that may not be entered, as a service's home often is, has none for us. */
export async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
