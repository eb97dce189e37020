import { constants, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import * as tls from 'node:tls';
import { ChatosError, messageOf } from '../errors.ts';
import { formatAddress, type Address } from './address.ts';
import type { Identity } from './identity.ts';
import { certificatesIn, readPem } from './pem.ts';
import { nameOf, whyNotTrusted } from './trust.ts';

/** The oldest version that is spoken. */
const MIN_VERSION = 'TLSv1.2';

/** Contexts with the authorities of this machine take time to make and memory to keep: by certificate, the latest ones. */
const contexts = new Map<string, tls.SecureContext>();
const MAX_CONTEXTS = 8;

/**
 * How TLS is spoken with the server at an address, and as whom. Whether it is trusted is for {@link checkServer} to say
 * after the handshake, before anything is sent.
 *
 * @throws {ChatosError} `INVALID_ADDRESS` where its `ca` cannot be used
 */
export async function clientTlsOptions(address: Address, identity?: Identity): Promise<tls.ConnectionOptions> {
  const name = nameOf(address);
  return {
    secureContext: await contextFor(address, identity),
    // No name is asked for by an IP address (RFC 6066).
    servername: isIP(name) ? '' : name,
    minVersion: MIN_VERSION,
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  };
}

/** Why the server on the other side of a handshake that is done is not trusted: as {@link whyNotTrusted}. */
export function checkServer(address: Address, socket: tls.TLSSocket, identity?: Identity): ChatosError | undefined {
  const error = socket.authorizationError as Error | string | undefined;
  const problem = socket.authorized ? undefined : String(error ?? 'UNVERIFIED');
  const hasIdentity = identity !== undefined;
  return whyNotTrusted(address, { certificate: socket.getPeerX509Certificate(), problem, hasIdentity });
}

async function contextFor(address: Address, identity: Identity | undefined): Promise<tls.SecureContext> {
  const own = identity && { cert: identity.cert, key: identity.key };
  // The server that was looked at stays the one that is spoken with.
  const base = { ...own, minVersion: MIN_VERSION, secureOptions: constants.SSL_OP_NO_RENEGOTIATION } as const;
  // The pin decides alone: authorities need not even be loaded.
  if (address.pin !== undefined) return tls.createSecureContext({ ...base, ca: [] });
  if (address.ca !== undefined) return tls.createSecureContext({ ...base, ca: await readAuthorities(address) });
  const name = identity?.cert ?? '';
  const context = contexts.get(name) ?? tls.createSecureContext({ ...base, ca: machineAuthorities() });
  contexts.delete(name);
  contexts.set(name, context);
  const [oldest] = contexts.keys();
  if (contexts.size > MAX_CONTEXTS) contexts.delete(oldest!);
  return context;
}

/**
 * Those that Node.js brings, NODE_EXTRA_CA_CERTS, and, where this Node.js can read them, those of the system: an operator
 * installs an authority of their own there. `undefined` means what Node.js takes by itself.
 */
function machineAuthorities(): string[] | undefined {
  const { getCACertificates } = tls as { getCACertificates?: (type: 'default' | 'system') => string[] };
  if (!getCACertificates) return undefined;
  return [...new Set([...getCACertificates('default'), ...getCACertificates('system')])];
}

async function readAuthorities(address: Address): Promise<string> {
  const file = address.ca!;
  const invalid = (why: string, cause?: unknown): ChatosError =>
    new ChatosError('INVALID_ADDRESS', `cannot use ${formatAddress(address)}: ${file} ${why}`, { cause });
  const authorities = certificatesIn(await readPem(file, invalid));
  if (authorities.length === 0) throw invalid('has no certificate in PEM form');
  try {
    // OpenSSL ignores one that it cannot read.
    for (const each of authorities) void new X509Certificate(each);
  } catch (error) {
    throw invalid(`has a certificate that cannot be read (${messageOf(error)})`, error);
  }
  return authorities.join('\n');
}
