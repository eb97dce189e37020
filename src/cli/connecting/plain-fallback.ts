import { formatAddress, type Address } from '../../net/address.ts';
import { isLoopback } from '../../ops/status-address.ts';

/** What is to be known of a server with addresses of both kinds: a cut connection is no certificate that could be checked. */
export function plainFallback(addresses: readonly Address[]): string | undefined {
  const plain = addresses.find((address) => address.transport === 'tcp' && !isLoopback(address));
  if (!plain || addresses.every(({ transport }) => transport === 'tcp')) return undefined;
  return `${formatAddress(plain)} stands beside tls:// addresses: anyone who can cut those off gets what is said in plain`;
}
