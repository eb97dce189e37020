import net from 'node:net';
import { ChatosError, messageOf } from '../errors.ts';

/** The addresses of this machine for itself. */
export const LOOPBACK: readonly string[] = ['127.0.0.0/8', '::1'];

/** An IPv4 address that is written as an IPv6 address, as on sockets that take both, in its own notation. */
export function unmapped(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}

/** Networks that addresses may be in: each is an address, or one with the length of a prefix, as `192.0.2.0/24`. */
export class Networks {
  #list = new net.BlockList();
  #any = false;

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
    const list = new net.BlockList();
    for (const text of texts) {
      const { address, family, prefix } = parseNetwork(text);
      list.addSubnet(address, prefix, family);
    }
    this.#list = list;
    this.#any = texts.length > 0;
  }

  /** Whether the address is in one of them. */
  has(address: string): boolean {
    if (!this.#any) return false;
    const plain = unmapped(address);
    const version = net.isIP(plain);
    return version !== 0 && this.#list.check(plain, version === 4 ? 'ipv4' : 'ipv6');
  }
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

/** @throws {ChatosError} `INVALID_ARGUMENT` */
export function parseNetwork(text: string): { address: string; family: net.IPVersion; prefix: number } {
  const [, address = '', length] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const version = net.isIP(address);
  const bits = version === 4 ? 32 : 128;
  const prefix = length === undefined ? bits : Number(length);
  if (version === 0 || address.includes('%') || prefix > bits) {
    const message = `'${text}' is not a network: expected an address, or one with a prefix such as 192.0.2.0/24 or 2001:db8::/32`;
    throw new ChatosError('INVALID_ARGUMENT', message, { fields: { network: text } });
  }
  return { address, family: version === 4 ? 'ipv4' : 'ipv6', prefix };
}
