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
  #v4: net.BlockList | undefined;
  #v6: net.BlockList | undefined;

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
    this.#v4 = listOf(all.filter(({ family }) => family === 'ipv4'));
    this.#v6 = listOf(all.filter(({ family }) => family === 'ipv6'));
  }

  /** Whether the address is in one of them. */
  has(address: string): boolean {
    if (!this.#v4 && !this.#v6) return false;
    const plain = unmapped(address);
    const version = net.isIP(plain);
    if (version === 4) return this.#v4?.check(plain, 'ipv4') === true;
    return version === 6 && this.#v6?.check(plain, 'ipv6') === true;
  }
}

interface Network {
  readonly address: string;
  readonly family: net.IPVersion;
  readonly prefix: number;
}

/** One for each family: to Node.js, `::/0` contains all IPv4 addresses as well, and other networks of IPv6 contain none. */
function listOf(networks: readonly Network[]): net.BlockList | undefined {
  if (networks.length === 0) return undefined;
  const list = new net.BlockList();
  for (const { address, prefix, family } of networks) list.addSubnet(address, prefix, family);
  return list;
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
