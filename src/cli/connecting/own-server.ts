import path from 'node:path';
import process from 'node:process';
import type { LoadedConfig } from '../../config/read.ts';
import { clientServer, OWN_CERTIFICATE, stateDirectory } from '../../config/settings.ts';
import type { Address } from '../../net/address.ts';
import { fingerprintOf } from '../../net/fingerprint.ts';
import { readPem } from '../../net/pem.ts';

/**
 * The server that a command connects to. That of the same configuration is known by its key, which is at hand: who runs it
 * need not copy its pin.
 */
export async function serverOf(
  flag: readonly Address[] | undefined,
  loaded: LoadedConfig,
): Promise<readonly Address[]> {
  const addresses = clientServer(flag, loaded);
  const { server = 'embedded' } = loaded.config;
  const [own] = addresses;
  if (flag || server !== 'embedded' || own?.transport !== 'tls') return addresses;
  return [{ ...own, pin: await ownPin(loaded) }];
}

/** `undefined` where there is no certificate yet, or none that can be read here: then the server is checked as any other. */
async function ownPin(loaded: LoadedConfig): Promise<string | undefined> {
  const { cert } = loaded.config.serve?.tls ?? {};
  const own = path.join(stateDirectory(undefined, loaded), OWN_CERTIFICATE);
  try {
    const unreadable = (why: string): Error => new Error(why);
    const pem = await readPem(cert === undefined ? own : path.resolve(loaded.directory, cert), unreadable);
    // Loaded when it is needed: most commands never do.
    const { X509Certificate } = process.getBuiltinModule('node:crypto');
    return fingerprintOf(new X509Certificate(pem));
  } catch {
    return undefined;
  }
}
