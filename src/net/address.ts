import { isIPv6 } from 'node:net';
import { ChatosError } from '../errors.ts';
import { DEFAULT_LONG_BYTES, type LongBytes } from '../protocol/limits.ts';
import { unknownKeys } from '../util/closest.ts';

export const DEFAULT_PORT = 7777;
export const DEFAULT_HOST = '127.0.0.1';

/** Where a server listens or is reached, and how wide a LONG is there (P1). */
export interface Address {
  /** What carries the bytes. */
  readonly transport: 'tcp' | 'tls';
  /** A name or an IP address; an IPv6 address stands without brackets. */
  readonly host: string;
  /** 0 to 65535; a server that listens on port 0 gets a free one. */
  readonly port: number;
  /** Bytes of a LONG there. */
  readonly longBytes: LongBytes;
}

/** What an address may begin with; where this version cannot use it, why. */
const TRANSPORTS: Readonly<Record<Address['transport'], string | undefined>> = {
  tcp: undefined,
  tls: 'TLS is not available in this version, only tcp',
};

/** The parts of an address that are left out. */
export const DEFAULT_ADDRESS: Address = {
  transport: 'tcp',
  host: DEFAULT_HOST,
  port: DEFAULT_PORT,
  longBytes: DEFAULT_LONG_BYTES,
};

const FORM = '[tcp://]host:port[?longBytes=8], for example 127.0.0.1:7777 or tcp://chat.example.org:7777?longBytes=8';

/**
 * Reads `[tcp://]host:port[?longBytes=4|8]`. A bare port is on 127.0.0.1; a bare host has port 7777.
 *
 * @throws {ChatosError} `INVALID_ADDRESS`
 */
export function parseAddress(text: string): Address {
  const invalid = (why: string): ChatosError =>
    new ChatosError('INVALID_ADDRESS', `'${text}' is not an address: ${why}; expected ${FORM}`, { fields: { text } });

  const match = /^(?:([a-z][a-z0-9+.-]*):\/\/)?([^/?#]*)\/?(?:\?([^#]*))?$/i.exec(text.trim());
  if (!match) throw invalid('it has a path or fragment');
  const [, scheme = DEFAULT_ADDRESS.transport, authority = '', query = ''] = match;
  const transport = readTransport(scheme, invalid);
  const { host, port } = readAuthority(authority, DEFAULT_PORT, invalid);
  return { transport, host, port, longBytes: parseQuery(query, invalid) };
}

function readTransport(scheme: string, invalid: (why: string) => ChatosError): Address['transport'] {
  const name = scheme.toLowerCase();
  if (!Object.hasOwn(TRANSPORTS, name)) throw invalid(`'${scheme}' is not a known transport`);
  const transport = name as Address['transport'];
  const why = TRANSPORTS[transport];
  if (why !== undefined) throw invalid(why);
  return transport;
}

/**
 * Reads `host:port`; a bare port is on 127.0.0.1, a bare host has the default port.
 *
 * @param invalid makes the error that is thrown where it is something else
 */
export function readAuthority(
  authority: string,
  defaultPort: number,
  invalid: (why: string) => ChatosError,
): { host: string; port: number } {
  if (authority === '') throw invalid('it is empty');
  if (/^\d+$/.test(authority)) return { host: DEFAULT_HOST, port: parsePort(authority, defaultPort, invalid) };
  const bracketed = /^\[([^\]]+)\](?::(\d*))?$/.exec(authority);
  if (bracketed) {
    if (!isIPv6(bracketed[1]!)) throw invalid(`'${bracketed[1]}' is not an IPv6 address`);
    return { host: bracketed[1]!, port: parsePort(bracketed[2], defaultPort, invalid) };
  }
  const parts = authority.split(':');
  if (parts.length > 2) throw invalid('an IPv6 address needs brackets, as in [::1]:7777');
  const host = parts[0]!;
  // A name may begin with a digit, but without a port it is rather one that is misspelt.
  if (parts.length === 1 && /^\d[^.]*$/.test(host)) throw invalid(`'${host}' is not a port (0 to 65535)`);
  if (!/^[\p{L}\p{N}._][\p{L}\p{N}._-]*$/u.test(host))
    throw invalid(host === '' ? 'the host is missing' : `'${host}' is not a host`);
  return { host, port: parsePort(parts[1], defaultPort, invalid) };
}

function parsePort(text: string | undefined, defaultPort: number, invalid: (why: string) => ChatosError): number {
  if (text === undefined) return defaultPort;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65535) throw invalid(`'${text}' is not a port (0 to 65535)`);
  return port;
}

function parseQuery(query: string, invalid: (why: string) => ChatosError): LongBytes {
  let longBytes = DEFAULT_LONG_BYTES;
  for (const [name, value] of new URLSearchParams(query)) {
    if (name !== 'longBytes') throw invalid(`'${name}' is not a known parameter`);
    if (value !== '4' && value !== '8') throw invalid(`longBytes is 4 or 8, not '${value}'`);
    longBytes = value === '8' ? 8 : 4;
  }
  return longBytes;
}

/** The canonical text of an address: `tcp://127.0.0.1:7777`, with `?longBytes=8` where it is not the default. */
export function formatAddress({ transport, host, port, longBytes }: Address): string {
  // Node's own check takes 10 ms when it is first used: a tenth of the start of a command.
  const name = host.includes(':') ? `[${host}]` : host;
  return `${transport}://${name}:${port}${longBytes === DEFAULT_LONG_BYTES ? '' : `?longBytes=${longBytes}`}`;
}

/** An address given as text or as fields, of which each has a default as its part of the text has. */
export type AddressLike = string | Partial<Address>;

/** @throws {ChatosError} `INVALID_ADDRESS` */
export function toAddress(address: AddressLike): Address {
  if (typeof address === 'string') return parseAddress(address);
  if (typeof address !== 'object' || (address as object | null) === null || Array.isArray(address)) {
    throw new ChatosError('INVALID_ADDRESS', `expected an address: ${FORM}`);
  }
  const [unknown] = unknownKeys(address, Object.keys(DEFAULT_ADDRESS));
  if (unknown !== undefined) throw new ChatosError('INVALID_ADDRESS', `an address has an ${unknown}`);
  const { transport, host, port, longBytes } = DEFAULT_ADDRESS;
  return parseAddress(
    formatAddress({
      transport: address.transport ?? transport,
      host: address.host ?? host,
      port: address.port ?? port,
      longBytes: address.longBytes ?? longBytes,
    }),
  );
}
