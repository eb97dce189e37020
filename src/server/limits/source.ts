import { unmapped } from '../../net/networks.ts';

/** An IPv4 address, or the /64 of an IPv6 address: a household's worth, as nobody counts single IPv6 addresses. */
export function sourceOf(remoteAddress: string): string {
  const address = unmapped(remoteAddress);
  if (!address.includes(':')) return address;
  const [left = [], right = []] = address
    .split('%')[0]!
    .split('::')
    .map((part) => part.split(':').filter(Boolean));
  const zeros = Array<string>(Math.max(8 - left.length - right.length, 0)).fill('0');
  const groups = [...left, ...zeros, ...right].slice(0, 4);
  return groups.map((group) => parseInt(group, 16).toString(16)).join(':');
}
