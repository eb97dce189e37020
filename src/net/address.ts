import { isIPv6 } from 'node:net';
import { ChatosError } from '../errors.ts';
import { DEFAULT_LONG_BYTES } from '../protocol/limits.ts';
import { unknownKeys } from '../util/closest.ts';
import { formatParameters, readParameters, type AddressParameters, type AddressUse } from './address-parameters.ts';

export const DEFAULT_PORT = 7777;
export const DEFAULT_HOST = '127.0.0.1';

/** Where a server listens or is reached, how wide a LONG is there (P1), and by what its certificate is known. */
export interface Address extends AddressParameters {
  /** What carries the bytes. */
  readonly transport: 'tcp' | 'tls';
  /** A name or an IP address; an IPv6 address stands without brackets. */
  readonly host: string;
  /** 0 to 65535; a server that listens on port 0 gets a free one. */
  readonly port: number;
}

/** What an address may begin with. */
const TRANSPORTS: readonly Address['transport'][] = ['tcp', 'tls'];

/** The parts of an address that are left out. */
export const DEFAULT_ADDRESS: Address = {
  transport: 'tcp',
  host: DEFAULT_HOST,
  port: DEFAULT_PORT,
  longBytes: DEFAULT_LONG_BYTES,
};

const FORM =
  '[tcp|tls]://host:port[?longBytes=8&…], for example 127.0.0.1:7777, tcp://chat.example.org:7777?longBytes=8 or ' +
  'tls://chat.example.org:7777';

/**
 * Reads `[tcp|tls]://host:port[?longBytes=4|8&pin=sha256:…&ca=FILE&name=HOST]`, for a listener with `proxy=v1|v2|any`. A
 * bare port is on 127.0.0.1; a bare host has port 7777; without a transport it is tcp.
 *
 * @param use refuses parameters that are not for a client, or for a listener
 * @throws {ChatosError} `INVALID_ADDRESS`
 */
export function parseAddress(text: string, use?: AddressUse): Address {
  const invalid = (why: string): ChatosError =>
    new ChatosError('INVALID_ADDRESS', `'${text}' is not an address: ${why}; expected ${FORM}`, { fields: { text } });

  const match = /^(?:([a-z][a-z0-9+.-]*):\/\/)?([^/?#]*)\/?(?:\?([^#]*))?$/i.exec(text.trim());
  if (!match) throw invalid('it has a path or fragment');
  const [, scheme = DEFAULT_ADDRESS.transport, authority = '', query = ''] = match;
  const transport = readTransport(scheme, invalid);
  const { host, port } = readAuthority(authority, DEFAULT_PORT, invalid);
  return { transport, host, port, ...readParameters(query, transport === 'tls', use, invalid) };
}

function readTransport(scheme: string, invalid: (why: string) => ChatosError): Address['transport'] {
  const transport = TRANSPORTS.find((name) => name === scheme.toLowerCase());
  if (transport === undefined) throw invalid(`'${scheme}' is not a known transport`);
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

/**
 * The canonical text of an address: `tcp://127.0.0.1:7777`, with the parameters that are not at their defaults. In a
 * command line it needs quotes: a shell takes `?` and `&` for its own.
 */
export function formatAddress({ transport, host, port, ...parameters }: Address): string {
  // Node's own check takes 10 ms when it is first used: a tenth of the start of a command.
  const name = host.includes(':') ? `[${host}]` : host;
  return `${transport}://${name}:${port}${formatParameters(parameters)}`;
}

/** An address given as text or as fields, of which each has a default as its part of the text has. */
export type AddressLike = string | Partial<Address>;

/** The fields of an address: the compiler names the one that is missing. */
const FIELDS: { readonly [F in keyof Address]-?: true } = {
  transport: true,
  host: true,
  port: true,
  longBytes: true,
  pin: true,
  ca: true,
  name: true,
  proxy: true,
};

/**
 * @param use refuses parameters that are not for a client, or for a listener
 * @throws {ChatosError} `INVALID_ADDRESS`
 */
export function toAddress(address: AddressLike, use?: AddressUse): Address {
  if (typeof address === 'string') return parseAddress(address, use);
  if (typeof address !== 'object' || (address as object | null) === null || Array.isArray(address)) {
    throw new ChatosError('INVALID_ADDRESS', `expected an address: ${FORM}`);
  }
  const [unknown] = unknownKeys(address, Object.keys(FIELDS));
  if (unknown !== undefined) throw new ChatosError('INVALID_ADDRESS', `an address has an ${unknown}`);
  const given = Object.fromEntries(Object.entries(address).filter(([, value]) => value !== undefined));
  return parseAddress(formatAddress({ ...DEFAULT_ADDRESS, ...given }), use);
}
