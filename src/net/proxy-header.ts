import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import type { ProxyProtocol } from './address-parameters.ts';
import { unmapped } from './networks.ts';

/** What the first bytes of a connection are: a header, the start of one, or neither. */
export type HeaderRead =
  /** `source` is where the client connects from; undefined where the header leaves that to the connection itself. */
  | { readonly is: 'header'; readonly bytes: number; readonly source: string | undefined }
  | { readonly is: 'incomplete' }
  | { readonly is: 'invalid'; readonly why: string };

/** The longest line of v1 (2.1 of HAProxy's specification), its CRLF included. */
const MAX_V1_BYTES = 107;
/** Of v2, with the extensions that proxies add (names, TLS, cloud ids); the format itself would allow 64 KiB. */
export const MAX_HEADER_BYTES = 4096;

const V1_START = Buffer.from('PROXY ');
const V2_START = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const V2_FIXED_BYTES = 16;

/** Of each address family of v2: how many bytes its two addresses, and what else belongs to them, have. */
const V2_FAMILY_BYTES = [0, 12, 36, 216];
const AF_INET = 1;
const AF_INET6 = 2;
const STREAM = 1;

const INCOMPLETE: HeaderRead = { is: 'incomplete' };

/**
 * Reads the PROXY protocol header that a connection begins with, as HAProxy's proxy-protocol.txt has it (P20). Says that it
 * is invalid as soon as the bytes show it. What the extensions of v2 say (its checksum, too) is skipped: anyone who may send a
 * header is trusted, and TCP has a checksum of its own.
 */
export function readProxyHeader(bytes: Buffer, expected: ProxyProtocol): HeaderRead {
  if (expected !== 'v2' && startsAlike(bytes, V1_START)) return readV1(bytes);
  if (expected !== 'v1' && startsAlike(bytes, V2_START)) return readV2(bytes);
  const other = expected === 'v1' ? 'v2' : 'v1';
  const isOther = startsAlike(bytes, other === 'v1' ? V1_START : V2_START);
  return invalid(
    isOther && expected !== 'any' ? `it is of ${other}, not of ${expected}` : 'it does not begin as one does',
  );
}

/** Which version of the protocol bytes belong to that begin a connection, where they surely are a header. */
export function proxyVersionOf(bytes: Buffer): 'v1' | 'v2' | undefined {
  if (bytes.length >= V1_START.length && startsAlike(bytes, V1_START)) return 'v1';
  return bytes.length >= V2_START.length && startsAlike(bytes, V2_START) ? 'v2' : undefined;
}

function startsAlike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, length, 0, length) === 0;
}

function readV1(bytes: Buffer): HeaderRead {
  const end = bytes.subarray(0, MAX_V1_BYTES).indexOf('\n');
  if (end === -1) return bytes.length < MAX_V1_BYTES ? INCOMPLETE : invalid('its line does not end');
  if (bytes[end - 1] !== 0x0d) return invalid('its line does not end with CR and LF');
  const [, family, ...fields] = bytes.toString('latin1', 0, end - 1).split(' ');
  const header = (source: string | undefined): HeaderRead => ({ is: 'header', bytes: end + 1, source });
  if (family === 'UNKNOWN') return header(undefined);
  if (family !== 'TCP4' && family !== 'TCP6') return invalid('its protocol is neither TCP4, TCP6 nor UNKNOWN');
  const isAddress = family === 'TCP4' ? isIPv4 : isIPv6;
  const [source, destination, ...ports] = fields;
  if (![source, destination].every((text = '') => isAddress(text) && !text.includes('%'))) {
    return invalid(`its addresses are not of ${family}`);
  }
  if (ports.length !== 2 || !ports.every(isPort)) return invalid('it does not end with two ports');
  return header(canonical(source!));
}

/** A port as the specification has it: no zeros in front. */
function isPort(text: string): boolean {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

function readV2(bytes: Buffer): HeaderRead {
  const command = bytes[12];
  if (command !== undefined && command !== 0x20 && command !== 0x21) {
    return invalid(command >> 4 === 2 ? 'its command is neither LOCAL nor PROXY' : 'its version is not 2');
  }
  if (bytes.length < V2_FIXED_BYTES) return INCOMPLETE;
  const length = V2_FIXED_BYTES + bytes.readUInt16BE(14);
  if (length > MAX_HEADER_BYTES) return invalid(`it announces ${length} bytes, more than ${MAX_HEADER_BYTES}`);
  const [family, protocol] = [bytes[13]! >> 4, bytes[13]! & 15];
  const addressBytes = V2_FAMILY_BYTES[family];
  const local = command === 0x20;
  if (!local) {
    if (addressBytes === undefined || protocol > 2) return invalid('its address family or protocol is unknown');
    if (length - V2_FIXED_BYTES < addressBytes) return invalid('it is too short for its addresses');
  }
  if (bytes.length < length) return INCOMPLETE;
  const relayed = !local && protocol === STREAM;
  const at = V2_FIXED_BYTES;
  let source: string | undefined;
  if (relayed && family === AF_INET) source = bytes.subarray(at, at + 4).join('.');
  if (relayed && family === AF_INET6) source = canonical(groupsOf(bytes.subarray(at, at + 16)));
  return { is: 'header', bytes: length, source };
}

function groupsOf(address: Buffer): string {
  return (address.toString('hex').match(/.{4}/g) ?? []).join(':');
}

/** As the system writes it: `2001:db8::1`, and an IPv4 address in its own notation. */
function canonical(address: string): string {
  return unmapped(new SocketAddress({ address, family: isIPv4(address) ? 'ipv4' : 'ipv6' }).address);
}

function invalid(why: string): HeaderRead {
  return { is: 'invalid', why };
}
