import * as v from 'valibot';
import { SERVER_TROUBLES } from '../../ops/troubles.ts';
import type { ControlLine } from '../../ops/control-protocol.ts';
import { ChatosError } from '../../errors.ts';

const count = v.pipe(v.number(), v.minValue(0));
const date = v.pipe(
  v.string(),
  v.isoTimestamp(),
  v.transform((text) => new Date(text)),
);
const counts = <const Names extends readonly string[]>(...names: Names) => v.entriesFromList(names, count);

const TROUBLES = v.array(v.object({ name: v.string(), count, what: v.string(), advice: v.string() }));

const STATS = {
  addresses: v.array(v.string()),
  ...counts('clients', 'connections', 'channels', 'queuedBytes', 'accepted', 'messages', 'relayedBytes'),
  established: v.optional(count, 0),
  ...v.entriesFromList(SERVER_TROUBLES, v.optional(count, 0)),
  troubles: v.optional(TROUBLES, []),
};

const SERVER = v.object({
  version: v.string(),
  pid: count,
  uptimeMs: count,
  memoryBytes: count,
  ...STATS,
});

const SESSION = v.object({
  id: v.string(),
  login: v.string(),
  remoteAddress: v.string(),
  listener: v.string(),
  connectedAt: date,
  ...counts('idleMs', 'packets', 'bytesReceived', 'bytesSent', 'queuedBytes'),
});

const PARTY = v.object({ login: v.string() });
const HALF = v.object({ remoteAddress: v.optional(v.string(), ''), ...counts('bytesReceived', 'queuedBytes') });
const CHANNEL = v.object({
  id: v.string(),
  requester: PARTY,
  target: PARTY,
  since: date,
  halves: v.tuple([HALF, HALF]),
});

const BOT = v.object({
  name: v.string(),
  login: v.string(),
  state: v.string(),
  ...counts('calls', 'failures', 'skipped'),
});

const ACCOUNT = v.object({ login: v.string(), plugins: v.array(v.omit(BOT, ['login'])) });

/** A status document, of which a server's sessions are those alone for which most waits. */
const STATUS = v.object({
  version: v.string(),
  pid: count,
  startedAt: date,
  at: date,
  memoryBytes: count,
  accounts: v.optional(v.array(ACCOUNT), []),
  server: v.optional(
    v.object({
      ...STATS,
      fullest: v.optional(
        v.array(v.object({ login: v.string(), remoteAddress: v.string(), ...counts('queuedBytes', 'idleMs') })),
        [],
      ),
    }),
  ),
});

export type ServerFigures = v.InferOutput<typeof SERVER>;
/** A session; what the source does not know is missing. */
export type SessionFigures = Pick<v.InferOutput<typeof SESSION>, 'login' | 'remoteAddress' | 'idleMs' | 'queuedBytes'> &
  Partial<v.InferOutput<typeof SESSION>>;
export type ChannelFigures = v.InferOutput<typeof CHANNEL>;
export type BotFigures = v.InferOutput<typeof BOT>;

/** A server at one moment. */
export interface Snapshot {
  /** When it was taken, as `performance.now()`. */
  readonly takenAt: number;
  readonly server: ServerFigures;
  readonly sessions: readonly SessionFigures[];
  /** Missing where the source does not know them. */
  readonly channels: readonly ChannelFigures[] | undefined;
  /** The bots of its process. */
  readonly bots: readonly BotFigures[];
}

/**
 * Reads what a control socket answers to `top`.
 *
 * @throws {ChatosError} `CONNECT_FAILED` where it is not that
 */
export function snapshotOfLines(lines: readonly ControlLine[]): Snapshot {
  const of = (type: string): readonly ControlLine[] => lines.filter((line) => line.type === type);
  return {
    takenAt: performance.now(),
    server: read(SERVER, of('top')[0]),
    sessions: read(v.array(SESSION), of('session')),
    channels: read(v.array(CHANNEL), of('channel')),
    bots: read(v.array(BOT), of('bot')),
  };
}

/**
 * Reads a status document.
 *
 * @throws {ChatosError} `CONNECT_FAILED` where it is none, or where the process has no server
 */
export function snapshotOfStatus(document: unknown): Snapshot {
  const { server, at, startedAt, accounts, ...process } = read(STATUS, document);
  if (!server) throw new ChatosError('CONNECT_FAILED', 'that process has no server; its bots are in chatosbot status');
  const { fullest, ...figures } = server;
  const uptimeMs = at.getTime() - startedAt.getTime();
  return {
    takenAt: performance.now(),
    server: { ...process, uptimeMs, ...figures },
    sessions: fullest,
    channels: undefined,
    bots: accounts.flatMap(({ login, plugins }) => plugins.map((plugin) => ({ ...plugin, login }))),
  };
}

function read<S extends v.GenericSchema>(schema: S, value: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  throw new ChatosError('CONNECT_FAILED', 'the server is of another version: what it answers is not understood');
}
