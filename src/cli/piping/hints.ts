import type { ChatosClient } from '../../client/client.ts';
import { formatAddress, type Address } from '../../net/address.ts';
import { quote } from '../../util/quote.ts';
import { isLoopback } from '../../ops/status-address.ts';

/** What to type at the other side, for a terminal. */
export function invitation({ login, server }: ChatosClient, options: string): string {
  const option = login.startsWith('-') ? '-- ' : '';
  return `the other side runs: chatosbot pipe --server ${quote(formatAddress(server))}${options} ${option}${quote(login)}${elsewhere(server)}`;
}

/** Another line, where the address that is to be typed means this machine: what it is on others. */
export function elsewhere(server: Address): string {
  const { host } = server;
  if (host === '0.0.0.0' || host === '::') return `\n(on another machine, with this machine's name for ${host})`;
  return isLoopback(server) ? `\n(elsewhere: with this machine's name, if the server listens beyond ${host})` : '';
}

/** Why a peer may not answer: `command` is what would run there. */
export function whyNoAnswer({ connected, server }: ChatosClient, peer: string, command = 'pipe --listen'): string {
  const at = formatAddress(server);
  return connected
    ? `it is busy, or there is no '${command}' with the login ${peer} on ${at}`
    : `${at} is not reachable any more`;
}
