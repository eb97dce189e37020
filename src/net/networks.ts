import net from 'node:net';
import { ChatosError, messageOf } from '../errors.ts';

/** The addresses of this machine for itself. */
export const LOOPBACK: readonly string[] = ['127.0.0.0/8', '::1'];

/** What an IPv4 address that is written as an IPv6 address has in front. */
const MAPPED_BITS = 96;

/** How sockets that take both write an IPv4 address. */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;
/** How people may. */
const MAY_BE_MAPPED = /^[0:]+:ffff:/i;

/** An IPv4 address that is written as an IPv6 address in its own notation; any other address as it is. */
export function unmapped(address: string): string {
  if (!MAY_BE_MAPPED.test(address)) return address;
  const text = MAPPED.test(address) || !net.isIPv6(address) ? address : canonicalV6(address);
  return MAPPED.exec(text)?.[1] ?? address;
}

function canonicalV6(address: string): string {
  return new net.SocketAddress({ address, family: 'ipv6' }).address;
}

/** Networks that addresses may be in: each is an address, or one with the length of a prefix, as `192.0.2.0/24`. */
export class Networks {
  #v4: PrefixIndex | undefined;
  #v6: PrefixIndex | undefined;

  /** @throws {ChatosError} `INVALID_ARGUMENT` */
  constructor(texts: readonly string[] = []) {
    this.replace(texts);
  }

  /**
   * From now on, it is these; where one is wrong, it stays as it is.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT`
   */
  replace(texts: readonly string[]): void {
    const all = texts.map(parseNetwork);
    this.#v4 = indexOf(all.filter(({ family }) => family === 'ipv4'));
    this.#v6 = indexOf(all.filter(({ family }) => family === 'ipv6'));
  }

  /** Whether the address is in one of them. */
  has(address: string): boolean {
    if (!this.#v4 && !this.#v6) return false;
    const plain = unmapped(address);
    const version = net.isIP(plain);
    if (version === 4) return this.#v4?.has(valueOfV4(plain)) === true;
    return version === 6 && this.#v6?.has(valueOfV6(plain)) === true;
  }
}

interface Network {
  readonly address: string;
  readonly family: net.IPVersion;
  readonly prefix: number;
}

function indexOf(networks: readonly Network[]): PrefixIndex | undefined {
  return networks.length === 0 ? undefined : new PrefixIndex(networks);
}

/**
 * The networks of one family. However many there are, an address is looked up once for each length of a prefix: the
 * `BlockList` of Node.js goes through all of them for each connection.
 */
class PrefixIndex {
  /** Prefixes, by how many bits of an address are behind them. */
  readonly #prefixes = new Map<bigint, Set<bigint>>();

  constructor(networks: readonly Network[]) {
    for (const { address, prefix, family } of networks) {
      const shift = BigInt((family === 'ipv4' ? 32 : 128) - prefix);
      const value = family === 'ipv4' ? valueOfV4(address) : valueOfV6(address);
      const prefixes = this.#prefixes.get(shift);
      if (prefixes) prefixes.add(value >> shift);
      else this.#prefixes.set(shift, new Set([value >> shift]));
    }
  }

  has(value: bigint): boolean {
    for (const [shift, prefixes] of this.#prefixes) if (prefixes.has(value >> shift)) return true;
    return false;
  }
}

function valueOfV4(address: string): bigint {
  return BigInt(address.split('.').reduce((value, byte) => value * 256 + Number(byte), 0));
}

/** A zone, as in `fe80::1%eth0`, is left out. */
function valueOfV6(address: string): bigint {
  const [front, back] = address.replace(/%.*$/, '').split('::').map(groupsOf) as [string[], string[]?];
  const groups = back ? [...front, ...Array<string>(8 - front.length - back.length).fill('0'), ...back] : front;
  return BigInt(`0x${groups.map((group) => group.padStart(4, '0')).join('')}`);
}

/** The last two groups may be written as an IPv4 address. */
function groupsOf(part: string): string[] {
  if (part === '') return [];
  return part.split(':').flatMap((group) => {
    if (!group.includes('.')) return [group];
    const value = Number(valueOfV4(group));
    return [Math.floor(value / 0x1_00_00).toString(16), (value % 0x1_00_00).toString(16)];
  });
}

/** What is wrong with a text that should be a network, with what is expected instead. */
export function networkProblem(text: string): string | undefined {
  try {
    parseNetwork(text);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/**
 * Its address is canonical. One of IPv4 that is written as IPv6 is one of IPv4.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT`
 */
export function parseNetwork(text: string): Network {
  const [, written = '', length] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const version = net.isIP(written);
  const bits = version === 4 ? 32 : 128;
  const prefix = length === undefined ? bits : Number(length);
  if (version === 0 || written.includes('%') || prefix > bits) {
    const message = `'${text}' is not a network: expected an address, or one with a prefix such as 192.0.2.0/24 or 2001:db8::/32`;
    throw new ChatosError('INVALID_ARGUMENT', message, { fields: { network: text } });
  }
  if (version === 4) return { address: written, family: 'ipv4', prefix };
  const plain = unmapped(written);
  if (plain !== written && prefix >= MAPPED_BITS)
    return { address: plain, family: 'ipv4', prefix: prefix - MAPPED_BITS };
  return { address: canonicalV6(written), family: 'ipv6', prefix };
}
