import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { domainToASCII } from 'node:url';
import { ChatosError } from '../errors.ts';
import { clipEscaped, escapeUnsafe } from '../util/escape.ts';
import { quote } from '../util/quote.ts';
import { formatAddress, type Address } from './address.ts';
import { currentKey } from './own-keys.ts';
import { fingerprintOf } from './fingerprint.ts';

/** What a TLS handshake has shown of a server. */
export interface ShownServer {
  /** Its certificate, whose key it has. */
  readonly certificate: X509Certificate | undefined;
  /** OpenSSL's code for why no authority vouches for it, as `CERT_HAS_EXPIRED`; `undefined` where one does. */
  readonly problem: string | undefined;
  /** Whether this client has a certificate, which the handshake shows to a server that asks, before it is known who that is. */
  readonly hasIdentity?: boolean;
}

/** Why a server is not trusted. */
export type Distrust =
  | 'wrong-pin'
  | 'wrong-name'
  | 'expired'
  | 'not-yet-valid'
  | 'unknown-authority'
  | 'revoked'
  | 'no-certificate'
  | 'invalid';

/** What OpenSSL's codes mean; the others are faults of the certificate itself. */
const REASONS: Readonly<Record<string, readonly [reason: Distrust, words: string]>> = {
  CERT_HAS_EXPIRED: ['expired', 'a certificate between it and its authority has expired'],
  CERT_NOT_YET_VALID: ['not-yet-valid', 'a certificate between it and its authority is not valid yet'],
  CERT_REVOKED: ['revoked', 'its certificate has been revoked'],
  DEPTH_ZERO_SELF_SIGNED_CERT: [
    'unknown-authority',
    'its certificate is signed by itself, and no authority vouches for it',
  ],
  SELF_SIGNED_CERT_IN_CHAIN: ['unknown-authority', 'its certificate is of an authority that is not known here'],
  UNABLE_TO_GET_ISSUER_CERT: ['unknown-authority', 'its certificate is of an authority that is not known here'],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ['unknown-authority', 'its certificate is of an authority that is not known here'],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: [
    'unknown-authority',
    'its certificate is of an authority that is not known here, or it leaves out the certificates in between',
  ],
  CERT_UNTRUSTED: ['unknown-authority', 'its authority is not trusted for this'],
  INVALID_PURPOSE: ['invalid', 'its certificate is not one for servers'],
};

/** Names of a certificate are of any length, and there may be many. */
const MAX_NAMES_CHARS = 200;

/**
 * Why the server at the address is not to be trusted: `NOT_TRUSTED`, with what to do about it. Returns `undefined` where
 * it is. A pin replaces the check by authorities and name: the key is all that counts then.
 *
 * @param now for the words alone: what has expired is for TLS to say
 */
export function whyNotTrusted(
  address: Address,
  { certificate, problem, hasIdentity = false }: ShownServer,
  now = new Date(),
): ChatosError | undefined {
  if (!certificate) return distrust(address, 'no-certificate', 'it has shown no certificate');
  const fingerprint = fingerprintOf(certificate);
  if (address.pin !== undefined) {
    const isPinned = fingerprint === address.pin || fingerprint === currentKey(address.pin);
    return isPinned ? undefined : wrongPin(address, fingerprint, hasIdentity);
  }
  const found = problem === undefined ? wrongName(address, certificate) : reasonOf(certificate, problem, now);
  if (!found) return undefined;
  const pinned = quote(pinnedAddress(address, fingerprint));
  const hint = `; to trust this server by its key, where you know that it is the right one, use ${pinned}`;
  return distrust(address, found.reason, `${found.words}${hint}`, fingerprint);
}

function reasonOf(certificate: X509Certificate, problem: string, now: Date): { reason: Distrust; words: string } {
  const [reason, words] = REASONS[problem] ?? ['invalid', `its certificate is not valid (${escapeUnsafe(problem)})`];
  const [from, to] = [new Date(certificate.validFrom), new Date(certificate.validTo)];
  if (reason === 'expired' && to < now) return { reason, words: `its certificate has expired, on ${day(to)}` };
  if (reason === 'not-yet-valid' && from > now) {
    return { reason, words: `its certificate is valid from ${day(from)} only; is the clock of this machine right?` };
  }
  return { reason, words };
}

const day = (date: Date): string => date.toJSON().slice(0, 10);

function wrongName(address: Address, certificate: X509Certificate): { reason: Distrust; words: string } | undefined {
  const wanted = nameOf(address);
  const fits = isIP(wanted)
    ? // However it is written: not all versions of Node.js would do so in the other way.
      certificate.checkIP(wanted) !== undefined
    : checkServerIdentity(wanted, certificate.toLegacyObject()) === undefined;
  if (fits) return undefined;
  const names = clipEscaped(certificate.subjectAltName ?? certificate.subject ?? 'nobody', MAX_NAMES_CHARS);
  return { reason: 'wrong-name', words: `its certificate is for ${names}, and not for ${wanted}` };
}

/**
 * The name that the server's certificate must have: as certificates have it, in ASCII and without a dot at its end, and an
 * address without its zone.
 */
export function nameOf({ name, host }: Pick<Address, 'name' | 'host'>): string {
  const wanted = (name ?? host).replace(/%.*|\.$/, '');
  return isIP(wanted) ? wanted : domainToASCII(wanted) || wanted;
}

/** Never to be overlooked: it is what an attack looks like. */
function wrongPin(address: Address, found: string, hasIdentity: boolean): ChatosError {
  const sent = hasIdentity
    ? "Nothing was sent but, if it has asked for that, this client's certificate"
    : 'Nothing was sent';
  const message =
    `WARNING: the server at ${nameWithoutPin(address)} has another key than the pinned one. Someone between you and it may ` +
    `be posing as it, or its key was replaced. Expected ${address.pin!}, found ${found}. ${sent}. Only if its ` +
    `operator confirms the new fingerprint, use ${quote(pinnedAddress(address, found))}`;
  return notTrusted(address, 'wrong-pin', message, found);
}

/** The same address, by which a server with this key is trusted. */
function pinnedAddress({ transport, host, port, longBytes }: Address, pin: string): string {
  return formatAddress({ transport, host, port, longBytes, pin });
}

function distrust(address: Address, reason: Distrust, words: string, fingerprint?: string): ChatosError {
  return notTrusted(address, reason, `the server at ${nameWithoutPin(address)} is not trusted: ${words}`, fingerprint);
}

function notTrusted(address: Address, reason: Distrust, message: string, fingerprint?: string): ChatosError {
  return new ChatosError('NOT_TRUSTED', message, { fields: { address: formatAddress(address), reason, fingerprint } });
}

function nameWithoutPin(address: Address): string {
  return formatAddress({ ...address, pin: undefined });
}
