/** Each field of the audit log, with what it says; `docs/audit.md` has the same words. */
export const AUDIT_FIELDS = {
  time: 'when, in UTC, as `2026-03-29T02:30:00.000Z`',
  event: 'what has happened: one of those above',
  session: 'the id of the session; no other one of the same start has it',
  login: 'who it is; at a refusal, who it wanted to be',
  from: 'where it connects from; behind a proxy, what the proxy says',
  fingerprint: "the client's key, as `sha256:…`; missing where it has shown none",
  encrypted: 'whether nobody on the way can read it',
  why: 'the reason, in words',
  detail: 'the word of the TLS library, or of the system',
  rule: 'the list or rule of the operator that has decided, as `deny.login` or `logins[0]`',
  limit: 'the limit of `serve.limits` that has acted',
  packet: 'the type of the packet',
  closed: 'whether the connection was closed for it',
  reader: 'who did not keep up with reading',
  requester: 'who asked for the private connection',
  requesterSession: 'the id of that session',
  target: 'who was asked',
  targetSession: 'the id of that session',
  channel: 'the id of the private connection; it is not its connect id',
  worker: 'the process of a server that is several, by its place among them, from 1',
  node: 'a node of the cluster, by its name',
  channels: 'how many private connections were ended with it, or are open',
  sessions: 'how many sessions were ended with it, or are open',
  applied: 'the parts of the configuration that hold now and did not before',
  invalid: 'the parts that are invalid: the old ones stay',
  kind: 'what a ban is of: `from` (an address or a network), `login` or `identity` (a key)',
  what: 'who is banned, as the operator has named them',
  until: 'when a ban ends by itself; missing where it does not',
  outcome: 'how it ended: `ended` (in order), `closed`, `aborted`, `idle`, `shutdown`, …',
  bytes: 'bytes relayed, both directions together',
  durationMs: 'how long it was open, in milliseconds',
  address: 'where the server listens',
  version: 'the version of chatosbot',
  pid: 'the process',
  of: 'the event whose lines were left out',
  count: 'how many',
} as const;

export type AuditField = keyof typeof AUDIT_FIELDS;

export interface AuditRow {
  readonly what: string;
  readonly fields: readonly AuditField[];
  /** Those that are the same in these fields, within a second, are one line with their count. @default none are */
  readonly by?: readonly AuditField[];
}

const WHO = ['session', 'login', 'from', 'fingerprint'] as const;
const PAIR = ['requester', 'requesterSession', 'target', 'targetSession'] as const;
const SESSIONS = ['requesterSession', 'targetSession'] as const;

/** Each event of the audit log, and its fields beside `time`, `event` and, for several in one, `count`. */
export const AUDIT_EVENTS = {
  start: { what: 'The log begins: a server starts.', fields: ['version', 'pid'] },
  listening: { what: 'It listens on one more address.', fields: ['address'] },
  stop: { what: 'The server has stopped; nothing follows.', fields: [] },
  'connection-refused': {
    what: 'A connection was closed at once.',
    fields: ['from', 'why', 'limit'],
    by: ['from', 'why', 'limit'],
  },
  'connection-not-accepted': {
    what: 'A connection could not be accepted, for want of descriptors.',
    fields: ['address', 'why'],
    by: ['address', 'why'],
  },
  'proxy-header-refused': {
    what: 'A connection of a proxy was closed, as no PROXY header came that can be read.',
    fields: ['from', 'why', 'limit'],
    by: ['from', 'why', 'limit'],
  },
  'handshake-failed': {
    what: 'A TLS handshake failed, for another reason than that the client went away.',
    fields: ['from', 'why', 'detail', 'limit'],
    by: ['from', 'why', 'limit'],
  },
  login: { what: 'A client has logged in.', fields: [...WHO, 'encrypted'] },
  'login-refused': {
    what: 'A login was refused.',
    fields: [...WHO, 'why', 'rule', 'limit'],
    by: ['from', 'why', 'rule', 'limit'],
  },
  kicked: { what: 'An operator ended a session, and its private connections.', fields: [...WHO, 'why', 'channels'] },
  reloaded: { what: 'The configuration was read again.', fields: ['applied', 'invalid'] },
  draining: { what: 'The server stops: nobody is let in any more.', fields: ['sessions', 'channels'] },
  banned: {
    what: 'An operator keeps somebody out, and has ended what was hit.',
    fields: ['kind', 'what', 'why', 'until', 'sessions', 'channels'],
  },
  unbanned: { what: 'A ban is over.', fields: ['kind', 'what', 'why'] },
  left: { what: 'A client that had logged in is gone.', fields: WHO },
  closed: {
    what: 'A client was closed for a limit: it did not read, or not say in time who it is.',
    fields: [...WHO, 'why', 'limit'],
    by: ['from', 'why', 'limit'],
  },
  'connection-lost': {
    what: 'The connection of a client that had logged in broke.',
    fields: [...WHO, 'why'],
    by: ['from', 'why'],
  },
  malformed: {
    what: 'A connection was closed for bytes that are no packet.',
    fields: [...WHO, 'why', 'limit'],
    by: ['from', 'why', 'limit'],
  },
  forbidden: {
    what: "A packet was not its sender's to send.",
    fields: [...WHO, 'packet', 'why', 'closed'],
    by: ['session', 'from', 'packet', 'why', 'closed'],
  },
  slowed: {
    what: 'A client was slowed: it sends faster than a rate allows, or than an exempt reader takes.',
    fields: [...WHO, 'limit', 'reader'],
    by: ['session', 'login', 'from', 'limit'],
  },
  request: { what: 'A private connection was asked for.', fields: PAIR, by: SESSIONS },
  'request-accepted': { what: 'It was accepted: both were sent a connect id.', fields: PAIR, by: SESSIONS },
  'request-refused': {
    what: 'It was refused, or not answered.',
    fields: [...PAIR, 'why', 'limit'],
    by: [...SESSIONS, 'why', 'limit'],
  },
  'half-waits': {
    what: 'One side sent too much before the other had come, and is not read for a while.',
    fields: [...PAIR, 'limit'],
    by: [...SESSIONS, 'limit'],
  },
  'channel-lost': {
    what: 'It was accepted, and not established.',
    fields: [...PAIR, 'why'],
    by: [...SESSIONS, 'why'],
  },
  channel: { what: 'Both sides have come: it is relayed.', fields: ['channel', ...PAIR] },
  'channel-ended': {
    what: 'It has ended.',
    fields: ['channel', ...PAIR, 'outcome', 'bytes', 'durationMs', 'limit'],
  },
  'half-refused': {
    what: 'One side came with a connect id that is unknown, over or taken.',
    fields: ['from', 'why'],
    by: ['from', 'why'],
  },
  'shut-out': { what: 'Too many connect ids were guessed.', fields: ['from', 'limit'], by: ['from', 'limit'] },
  'internal-error': { what: 'A bug of the server, whose trace is in the log.', fields: ['packet', 'why'], by: ['why'] },
  reopened: { what: 'The file was opened again, on SIGHUP.', fields: [] },
  'left-out': {
    what: 'So many lines of an event were left out: more than 100 a second came.',
    fields: ['of', 'count'],
  },
  'worker-lost': {
    what: 'A process of a server that is several has ended, with its sessions, which have no line of their own.',
    fields: ['worker', 'sessions', 'why'],
  },
  'node-joined': { what: "Another node of the server's cluster has come.", fields: ['node'] },
  'node-gone': {
    what: 'Another node has gone, or its lease has ended: nobody is logged in there any more.',
    fields: ['node', 'why'],
  },
  fenced: { what: 'This node has lost its lease, and has ended all sessions.', fields: ['why'] },
  rejoined: { what: 'It has a lease again.', fields: [] },
  lost: {
    what: 'So many lines are missing here: the file could not be written, or a worker could not tell so many.',
    fields: ['count'],
  },
} as const satisfies Readonly<Record<string, AuditRow>>;

export type AuditEvent = keyof typeof AUDIT_EVENTS;

/** What a line says; what is `undefined` is not in it. */
export type AuditFields<E extends AuditEvent = AuditEvent> = {
  readonly [F in (typeof AUDIT_EVENTS)[E]['fields'][number] | 'count']?: string | number | boolean | undefined;
};
