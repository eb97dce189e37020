import type { ChatosClient } from '../../client/client.ts';
import { formatAddress } from '../../net/address.ts';
import { quote } from '../../util/quote.ts';
import { isLoopback } from '../../ops/status-address.ts';

/** What to type at the other side, for a terminal. */
export function invitation({ login, server }: ChatosClient, options: string): string {
  const isHere = isLoopback(server) || server.host === '0.0.0.0' || server.host === '::';
  const elsewhere = isHere ? `\n(on another machine, with this machine's name for ${server.host})` : '';
  const option = login.startsWith('-') ? '-- ' : '';
  return `the other side runs: chatosbot pipe --server ${quote(formatAddress(server))}${options} ${option}${quote(login)}${elsewhere}`;
}

/** Why a peer may not answer: `command` is what would run there. */
export function whyNoAnswer({ connected, server }: ChatosClient, peer: string, command = 'pipe --listen'): string {
  const at = formatAddress(server);
  return connected
    ? `it is busy, or there is no '${command}' with the login ${peer} on ${at}`
    : `${at} is not reachable any more`;
}
