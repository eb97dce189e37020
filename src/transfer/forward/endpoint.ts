import { isIP, isIPv6, SocketAddress } from 'node:net';
import path from 'node:path';
import { domainToASCII } from 'node:url';
import { ChatosError } from '../../errors.ts';
import { MAX_PATH_BYTES } from '../../net/unix-socket.ts';

/** Where a connection goes, or is waited for: a host and a port, or the path of a Unix socket. */
export type Endpoint = TcpEndpoint | { readonly path: string };

export interface TcpEndpoint {
  /** A name in lower case, or an IP address in its shortest form; an IPv6 address stands without brackets. */
  readonly host: string;
  /** 0 to 65535. */
  readonly port: number;
}

export function isPath(endpoint: Endpoint): endpoint is { readonly path: string } {
  return 'path' in endpoint;
}

/**
 * Reads `host:port`, `[IPv6]:port` or an absolute path, and makes one text of all that mean the same.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT`
 */
export function parseEndpoint(text: string): Endpoint {
  if (text.includes('/')) return { path: readPath(text) };
  const [, host, port] = /^(\[[^\]]*\]|[^:[\]]*):([^:]*)$/.exec(text) ?? [];
  if (host === undefined) throw invalid(text, 'expected host:port, [IPv6]:port or the path of a Unix socket');
  return { host: readHost(host), port: readPort(port!) };
}

/**
 * The same for where one listens: there, the host `*` means all addresses.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT`
 */
export function parseListenEndpoint(text: string): Endpoint {
  const [, port] = /^\*:(.*)$/.exec(text) ?? [];
  return port === undefined ? parseEndpoint(text) : { host: '*', port: readPort(port) };
}

/** The text that {@link parseEndpoint} reads. */
export function formatEndpoint(endpoint: Endpoint): string {
  return isPath(endpoint) ? endpoint.path : `${formatHost(endpoint.host)}:${endpoint.port}`;
}

function formatHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/**
 * A path from the root, without `.` and `..`: what is compared must be what is opened.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT`
 */
export function readPath(text: string): string {
  const normal = path.normalize(text);
  if (!path.isAbsolute(text) || normal !== text.replace(/\/{2,}/g, '/') || normal.endsWith('/') || text.includes('\0'))
    throw invalid(text, 'the path of a Unix socket begins at the root, and has no . or .. in it');
  // The system would connect to the socket whose path is its beginning.
  if (Buffer.byteLength(normal) > MAX_PATH_BYTES)
    throw invalid(text, `the path of a Unix socket has ${MAX_PATH_BYTES} bytes at most`);
  return normal;
}

/**
 * A port, 0 to 65535.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT`
 */
export function readPort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw invalid(text, 'expected a port, 0 to 65535');
  return Number(text);
}

/**
 * A host in the one form in which hosts are compared: names in lower case and ASCII, without the dot at the end; addresses
 * in their shortest form, and IPv4 in IPv6 as IPv4.
 *
 * @param text an IPv6 address stands in brackets
 * @throws {ChatosError} `INVALID_ARGUMENT`; for `127.1`, `0x7f000001` and the like too, which the system takes for addresses
 */
export function readHost(text: string): string {
  const [, bracketed] = /^\[(.*)\]$/.exec(text) ?? [];
  if (bracketed !== undefined) {
    if (!isIPv6(bracketed)) throw invalid(text, 'it is not an IPv6 address');
    return canonicalIPv6(bracketed);
  }
  if (isIP(text) === 4) return text;
  // Some of these would be taken out, and what is compared would not be what was written.
  if (/[\p{Cc}\p{Cf}\p{Z}]/u.test(text)) throw invalid(text, 'it is not a host');
  const name = (/^[ -~]*$/.test(text) ? text.toLowerCase() : domainToASCII(text)).replace(/\.$/, '');
  if (name.length > 253 || !name.split('.').every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label)))
    throw invalid(text, 'it is not a host');
  if (/(^|\.)(\d+|0x[0-9a-f]*)$/.test(name)) throw invalid(text, 'an IPv4 address has four numbers, as 127.0.0.1');
  return name;
}

function canonicalIPv6(text: string): string {
  const [address = '', zone] = text.split('%', 2);
  const short = new SocketAddress({ address, family: 'ipv6' }).address;
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(short) ?? [];
  return mapped ?? (zone === undefined ? short : `${short}%${zone}`);
}

function invalid(text: string, why: string): ChatosError {
  return new ChatosError('INVALID_ARGUMENT', `'${text}': ${why}`, { fields: { text } });
}
