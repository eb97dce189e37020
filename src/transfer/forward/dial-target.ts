import dns from 'node:dns';
import { BlockList, connect, isIPv6, type LookupFunction, type Socket } from 'node:net';
import { KEEP_ALIVE_DELAY_MS } from '../../net/dead-link.ts';
import { resetSocket } from '../../net/reset-socket.ts';
import { createDeferred } from '../../util/deferred.ts';
import { causeOfError, refusal } from './causes.ts';
import { formatEndpoint, isPath, type Endpoint } from './endpoint.ts';
import type { Permits } from './permits.ts';

/** Addresses that mean this machine, or its own link: cloud machines have their secrets there. */
const OWN = new BlockList();
OWN.addSubnet('127.0.0.0', 8, 'ipv4');
OWN.addSubnet('0.0.0.0', 8, 'ipv4');
OWN.addSubnet('169.254.0.0', 16, 'ipv4');
OWN.addAddress('::', 'ipv6');
OWN.addAddress('::1', 'ipv6');
OWN.addSubnet('fe80::', 10, 'ipv6');
// Of the same kind, at two large clouds.
OWN.addAddress('fd00:ec2::254', 'ipv6');
OWN.addAddress('100.100.100.200', 'ipv4');

const SOCKET_OPTIONS = {
  allowHalfOpen: true,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
} as const;

export interface DialSettings {
  /** In milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** What is permitted, where a peer asks. @default everything */
  readonly permits?: Permits;
}

/**
 * Connects to a target, of which the name is looked up here. The connection is paused.
 *
 * @throws {ChatosError} `NOT_PERMITTED`, `CONNECT_FAILED`, `TIMED_OUT` or `ABORTED`; its field `cause` says which cause
 */
export async function dialTarget(target: Endpoint, { timeoutMs, signal, permits }: DialSettings): Promise<Socket> {
  const what = formatEndpoint(target);
  const permitted = permits ? permits.find(target) : 'by name';
  if (!permitted) throw refusal(what, 'not-permitted');
  const connected = createDeferred<void>({ timeoutMs, signal, what: `no answer from ${what}` });
  const lookup = !isPath(target) && permitted === 'by wildcard' ? lookUpElsewhere(target.port, permits!) : undefined;
  const socket = connect({ ...target, ...SOCKET_OPTIONS, ...(lookup && { lookup }) });
  socket.on('error', (error) => {
    if (!connected.settled) connected.reject(refusal(what, causeOfError(error), error));
  });
  socket.once('connect', () => connected.resolve());
  try {
    await connected.promise;
    return socket.pause();
  } catch (error) {
    // The target may have the connection already: nobody has ended it.
    resetSocket(socket);
    throw error;
  }
}

/**
 * Who owns a domain decides what its names mean. One that only a wildcard permits must not mean this machine, unless that
 * address is permitted, too.
 */
function lookUpElsewhere(port: number, permits: Permits): LookupFunction {
  return (name, options, done) => {
    dns.lookup(name, { ...options, all: true }, (error, found) => {
      const isOpen = (address: string): boolean =>
        !OWN.check(address, isIPv6(address) ? 'ipv6' : 'ipv4') || permits.find({ host: address, port }) !== undefined;
      const open = error ? [] : found.filter(({ address }) => isOpen(address));
      const [first] = open;
      if (error) done(error, '');
      else if (!first) done(refusal(`${name}:${port}`, 'not-permitted'), '');
      else if (options.all) done(null, open);
      else done(null, first.address, first.family);
    });
  };
}
