import * as v from 'valibot';
import { SERVER_TROUBLES } from '../../ops/troubles.ts';

const count = v.pipe(v.number(), v.minValue(0));
const date = v.pipe(
  v.string(),
  v.isoTimestamp(),
  v.transform((text) => new Date(text)),
);

// An older version has no timers.
const NO_TIMERS = { count: 0, next: [] };

const plugin = v.object({
  name: v.string(),
  state: v.string(),
  suspendedUntil: v.optional(date),
  calls: count,
  failures: count,
  skipped: count,
  /** Of a bot with a thread of its own. */
  isolation: v.optional(v.object({ restarts: count })),
  errors: v.array(v.object({ at: date, hook: v.string(), peer: v.optional(v.string()), message: v.string() })),
  jobs: v.array(
    v.object({
      name: v.string(),
      timeZone: v.optional(v.string()),
      next: v.optional(date),
      running: count,
      lastRun: v.optional(v.object({ startedAt: date, ok: v.optional(v.boolean()) })),
    }),
  ),
  dialogues: v.optional(count, 0),
  timers: v.optional(v.object({ count, next: v.array(v.object({ name: v.string(), at: date })) }), NO_TIMERS),
});

const account = v.object({
  login: v.string(),
  server: v.string(),
  state: v.string(),
  since: date,
  problem: v.optional(v.string()),
  plugins: v.array(plugin),
  channels: v.array(
    v.object({
      peer: v.string(),
      bot: v.string(),
      role: v.string(),
      openedAt: date,
      bytesReceived: count,
      bytesSent: count,
    }),
  ),
  messages: v.object({ heard: count, sent: count, waiting: count, dropped: count }),
  // An older version does not count them.
  questions: v.optional(count, 0),
  muted: v.array(v.string()),
});

const counts = <const Names extends readonly string[]>(...names: Names) => v.entriesFromList(names, count);

const server = v.object({
  addresses: v.array(v.string()),
  certificateExpiresAt: v.optional(date),
  workers: v.optional(v.object({ restarts: count, all: v.array(v.object({ worker: count, state: v.string() })) })),
  cluster: v.optional(
    v.object({
      node: v.string(),
      leaseLeftMs: v.number(),
      broker: v.object({ isReachable: v.boolean(), why: v.optional(v.string()) }),
      gaps: count,
      // An older version does not say which are not reached.
      nodes: v.array(
        v.object({
          node: v.string(),
          state: v.string(),
          notReachedMs: v.optional(count, 0),
          silentMs: v.optional(count, 0),
        }),
      ),
      links: v.array(v.object({ isUp: v.boolean() })),
    }),
  ),
  ...counts('clients', 'connections', 'channels', 'accepted', 'messages', 'established', 'relayedBytes'),
  queuedBytes: v.optional(count, 0),
  // An older version has fewer of them.
  ...v.entriesFromList(SERVER_TROUBLES, v.optional(count, 0)),
});

/** What the command needs of the endpoint's document; a newer version may have more. */
export const STATUS_SCHEMA = v.object({
  version: v.string(),
  node: v.string(),
  pid: count,
  startedAt: date,
  at: date,
  memoryBytes: count,
  // An older version has none, and its server is not tested.
  problems: v.optional(v.array(v.string()), []),
  accounts: v.array(account),
  server: v.optional(server),
});

export type Status = v.InferOutput<typeof STATUS_SCHEMA>;
export type Account = Status['accounts'][number];

/** Whether all accounts are connected, all plugins running, and the server works. */
export function isWell({ accounts, problems }: Status): boolean {
  return (
    problems.length === 0 &&
    accounts.every(({ state, plugins }) => state === 'connected' && plugins.every((each) => each.state === 'running'))
  );
}
