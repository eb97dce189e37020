import { BlockList, isIP, isIPv6 } from 'node:net';
import { ChatosError } from '../errors.ts';
import { DEFAULT_HOST, readAuthority } from '../net/address.ts';

/** Where the status endpoint listens or is reached. */
export interface StatusAddress {
  /** A name or an IP address; an IPv6 address stands without brackets. */
  readonly host: string;
  /** 0 to 65535; to listen on port 0 takes a free one. */
  readonly port: number;
}

const DEFAULT_STATUS_PORT = 7780;

/** The default address of the status endpoint. */
export const DEFAULT_STATUS_ADDRESS: StatusAddress = { host: DEFAULT_HOST, port: DEFAULT_STATUS_PORT };

const FORM = 'expected host:port, for example 127.0.0.1:7780';

/**
 * Reads `[http://]host:port`. A bare port is on 127.0.0.1; a bare host has port 7780, unless it is but a word.
 *
 * @throws {ChatosError} `INVALID_ADDRESS`
 */
export function parseStatusAddress(text: string): StatusAddress {
  const invalid = (why: string): ChatosError =>
    new ChatosError('INVALID_ADDRESS', `'${text}' is not an address: ${why}; ${FORM}`, { fields: { text } });
  const match = /^(?:([a-z][a-z0-9+.-]*):\/\/)?([^/?#]*)\/?$/i.exec(text.trim());
  if (!match) throw invalid('it has a path');
  const [, scheme = 'http', authority = ''] = match;
  if (scheme.toLowerCase() !== 'http') throw invalid(`the status endpoint speaks http, not ${scheme}`);
  // A word alone is rather a mistake than a machine of this network.
  if (/^(?!localhost$)[a-z-]+$/i.test(authority)) throw invalid('it has no port');
  return readAuthority(authority, DEFAULT_STATUS_PORT, invalid);
}

/** The URL of an address: `http://127.0.0.1:7780`. */
export function formatStatusAddress({ host, port }: StatusAddress): string {
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Whether only this machine can reach it. */
export function isLoopback({ host }: StatusAddress): boolean {
  const family = isIP(host);
  return family === 0 ? host.toLowerCase() === 'localhost' : LOOPBACK.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

/**
 * Whether a `Host` header is valid: an IP address, `localhost`, or the host that the endpoint listens on. A web page whose
 * own host name points to this machine (DNS rebinding) has another one.
 */
export function isOwnHost(header: string, { host }: StatusAddress): boolean {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(header) ?? [];
  const name = (bracketed ?? plain ?? '').toLowerCase();
  return bracketed === undefined
    ? isIP(name) === 4 || name === 'localhost' || name === host.toLowerCase()
    : isIPv6(name);
}
