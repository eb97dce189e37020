import path from 'node:path';
import { ChatosError } from '../../errors.ts';
import { DEFAULT_HOST } from '../../net/address.ts';
import { isPath, parseEndpoint, readHost, readPath, readPort, type Endpoint } from '../../transfer/forward/endpoint.ts';

/** What `-L` or `-R` asks for: connections to `at` go to `target`. */
export interface Forward {
  readonly at: Endpoint;
  readonly target: Endpoint;
}

/** Which of the two ends is on this machine: there, a path may be relative. */
export type LocalEnd = 'at' | 'target';

/** As other programs name it: `udp:53:db:53`, `53:db:53/udp`, `udp://…`. */
const UDP = /^udp:|(?:^|:)\d+\/udp$/i;

/**
 * Reads `[host:]port:target:port`, as ssh does: either end may be the path of a Unix socket, with a slash in it. Without a
 * host, the port is on loopback; `*`, or nothing before its colon, means all addresses.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT`
 */
export function parseForward(text: string, local: LocalEnd): Forward {
  if (UDP.test(text)) throw invalid(text, 'UDP cannot be forwarded, only TCP and Unix sockets');
  const parts = splitParts(text);
  const ofTarget = parts.at(-1)?.includes('/') ? 1 : 2;
  const at = parts.slice(0, -ofTarget);
  if (at.length < 1 || at.length > 2) throw invalid(text, 'expected [host:]port:target:port');
  const target = parts.slice(-ofTarget).join(':');
  return {
    at: listenEndpoint(at, text, local === 'at'),
    target: ofTarget === 1 ? { path: pathOf(target, local === 'target') } : connectEndpoint(target),
  };
}

/**
 * Reads `[host:]port`, or the path of a Unix socket.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT`
 */
export function parseListen(text: string): Endpoint {
  const parts = splitParts(text);
  if (parts.length > 2) throw invalid(text, 'expected [host:]port');
  return listenEndpoint(parts, text, true);
}

function listenEndpoint(parts: readonly string[], text: string, isLocal: boolean): Endpoint {
  const [first = '', second] = parts;
  if (second === undefined) {
    return first.includes('/') ? { path: pathOf(first, isLocal) } : { host: DEFAULT_HOST, port: readPort(first) };
  }
  if (first.includes('/')) throw invalid(text, 'a Unix socket has no port');
  return { host: first === '' || first === '*' ? '*' : readHost(first), port: readPort(second) };
}

function connectEndpoint(text: string): Endpoint {
  const endpoint = parseEndpoint(text);
  if (!isPath(endpoint) && endpoint.port === 0) throw invalid(text, 'nothing can be reached at port 0');
  return endpoint;
}

function pathOf(text: string, isLocal: boolean): string {
  return isLocal ? path.resolve(text) : readPath(text);
}

/** At colons, except those of an IPv6 address in brackets. */
function splitParts(text: string): string[] {
  return text.match(/(?:\[[^\]]*\]|[^:])+|(?<=^|:)(?=:|$)/g) ?? [];
}

function invalid(text: string, why: string): ChatosError {
  return new ChatosError('INVALID_ARGUMENT', `'${text}': ${why}`, { fields: { text } });
}
