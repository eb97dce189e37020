import { ChatosError } from '../errors.ts';
import { formatAddress, toAddress, type Address, type AddressLike } from './address.ts';

/**
 * Reads the addresses by which clients reach one server: text with commas between them, or a list.
 *
 * @throws {ChatosError} `INVALID_ADDRESS`, also where one is there twice
 */
export function toAddresses(given: AddressLike | readonly AddressLike[]): readonly Address[] {
  const all = (Array.isArray(given) ? given : [given]) as readonly AddressLike[];
  const parts = all.flatMap((each): AddressLike[] => (typeof each === 'string' ? each.split(',') : [each]));
  const invalid = (why: string): ChatosError => {
    const text = typeof given === 'string' ? `'${given}'` : 'the list of addresses';
    return new ChatosError('INVALID_ADDRESS', `${text} ${why}`);
  };
  if (parts.length === 0) throw invalid('is empty: name the address of a server');
  if (parts.length === 1) return [toAddress(parts[0]!, 'client')];
  const found = new Map<string, Address>();
  for (const part of parts) {
    if (typeof part === 'string' && part.trim() === '') {
      throw invalid('has nothing between two commas, or before or behind one: leave that comma out');
    }
    if (part === 'embedded') throw invalid("has 'embedded', which cannot be one of several");
    const address = toAddress(part, 'client');
    const name = formatAddress(address);
    if (found.has(name)) throw invalid(`has ${name} twice`);
    found.set(name, address);
  }
  return [...found.values()];
}

/** The canonical text of addresses, with commas between them: {@link toAddresses} reads it. */
export function formatAddresses(addresses: readonly Address[]): string {
  return addresses.map(formatAddress).join(',');
}
