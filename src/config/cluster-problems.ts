import { readServers } from '../cluster/nats/broker-options.ts';
import { ChatosError, messageThrownBy } from '../errors.ts';
import { readAuthority } from '../net/address.ts';

export const DEFAULT_LEASE_TTL_MS = 15_000;
export const DEFAULT_CLAIM_TIMEOUT_MS = 4_000;

const NODE_NAME = /^[\w-]{1,32}$/;
const NO_PORT = -1;
const UNSPECIFIED: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/** Why a text cannot be the name of a node. */
export function nodeProblem(text: string): string | undefined {
  return NODE_NAME.test(text) ? undefined : 'a node has a name of 1 to 32 letters, digits, - and _';
}

/** @throws {Error} where the host or the port is missing */
function readPeer(text: string): ReturnType<typeof readAuthority> {
  const at = readAuthority(text, NO_PORT, (why) => new ChatosError('INVALID_ADDRESS', why));
  if (/^\d*$/.test(text)) throw new Error('the host is missing');
  if (at.port === NO_PORT) throw new Error('the port is missing');
  return at;
}

/** Why a node cannot listen at an address. */
export function listenProblem(text: string): string | undefined {
  const problem = messageThrownBy(() => readPeer(text));
  return problem && `expected host:port: ${problem}`;
}

/** Why a node cannot be reached by others at an address. */
export function peerProblem(text: string): string | undefined {
  const problem = messageThrownBy(() => {
    const { host } = readPeer(text);
    if (UNSPECIFIED.has(host)) throw new Error(`nobody can connect to ${host}`);
  });
  return problem && `expected an address of this machine that other nodes can reach, as 192.0.2.7:7790: ${problem}`;
}

/** Why a text cannot be the address of a broker. */
export function brokerProblem(text: string): string | undefined {
  return messageThrownBy(() => readServers([text]));
}
