import * as v from 'valibot';
import { checked } from './checks.ts';
import {
  brokerProblem,
  DEFAULT_CLAIM_TIMEOUT_MS,
  DEFAULT_LEASE_TTL_MS,
  listenProblem,
  nodeProblem,
  peerProblem,
} from './cluster-problems.ts';

/** So long a lease of a node may be, in milliseconds: shorter ones end where a machine is busy, longer ones hold logins of dead nodes. */
const LEASE_MS = { min: 2_000, max: 600_000 };
/** Less than the 5 s that a server gives its directory: so the log has why NATS or a node did not answer. */
const CLAIM_MS = { min: 100, max: 4_500 };

const FILE = v.pipe(v.string(), v.minLength(1, 'name a file'));

const server = v.pipe(v.string(), checked(brokerProblem));

const time = ({ min, max }: typeof LEASE_MS, what: string) => {
  const expected = `expected milliseconds, ${min} to ${max}`;
  return v.pipe(
    v.number(expected),
    v.integer(expected),
    v.minValue(min, expected),
    v.maxValue(max, expected),
    v.description(what),
  );
};

/** The cluster that a server is a node of. */
export const CLUSTER_SCHEMA = v.strictObject({
  broker: v.optional(
    v.pipe(
      v.union(
        [server, v.pipe(v.array(server), v.minLength(1, 'name one'))],
        'expected the address of a NATS server, or a list of addresses',
      ),
      v.description(
        'The NATS server, as nats://127.0.0.1:4222 or tls://nats.example.org; or a list, of one NATS cluster. Needed without --cluster.',
      ),
    ),
  ),
  credentials: v.optional(
    v.pipe(FILE, v.description('A file of credentials for NATS, as nsc makes them, relative to this file.')),
  ),
  tls: v.optional(
    v.pipe(
      v.strictObject({
        ca: v.optional(
          v.pipe(FILE, v.description('Authorities of the NATS server, in PEM. Default: those of Node.js.')),
        ),
        cert: v.optional(v.pipe(FILE, v.description('A certificate for the NATS server, in PEM.'))),
        key: v.optional(v.pipe(FILE, v.description('Its key, in PEM.'))),
      }),
      v.description('TLS to NATS; paths are relative to this file.'),
    ),
  ),
  node: v.optional(
    v.pipe(
      v.string(),
      checked(nodeProblem),
      v.description('The name of this node. Default: the host name of the machine up to its first dot.'),
    ),
  ),
  peer: v.optional(
    v.pipe(
      v.string(),
      checked(peerProblem),
      v.description('Where the others connect to this node, as host:port; it listens there.'),
    ),
  ),
  peerListen: v.optional(
    v.pipe(
      v.string(),
      checked(listenProblem),
      v.description('Where it listens in fact, where something in between leads there. Default: peer.'),
    ),
  ),
  secretFile: v.optional(
    v.pipe(FILE, v.description('The file with the secret that all nodes share, relative to this file.')),
  ),
  leaseTtlMs: v.optional(
    time(
      LEASE_MS,
      `How long a lease is, the same for all nodes. Default: ${DEFAULT_LEASE_TTL_MS}, with which a node may be out of touch with NATS for 10 seconds.`,
    ),
  ),
  claimTimeoutMs: v.optional(
    time(CLAIM_MS, `How long a login may wait for NATS before it is refused. Default: ${DEFAULT_CLAIM_TIMEOUT_MS}.`),
  ),
  replicas: v.optional(
    v.pipe(
      v.picklist([1, 3, 5], 'expected 1, 3 or 5'),
      v.description('On how many servers of a NATS cluster the records are. Default: 1.'),
    ),
  ),
  encrypt: v.optional(
    v.pipe(v.boolean(), v.description('Whether nodes speak TLS to each other, the same for all nodes. Default: true.')),
  ),
});
