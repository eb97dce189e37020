import { nodeStateText } from '../../ops/cluster.ts';
import type { ReloadReport } from '../../ops/control-commands.ts';
import type { ControlLine } from '../../ops/control-protocol.ts';
import { formatBytes, formatSpan, pluralize } from '../../util/printable.ts';
import { formatTable } from '../terminal/table.ts';

/** An object in a line. */
type Fields = Readonly<Record<string, unknown>>;

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const count = (value: unknown): number => (typeof value === 'number' ? value : 0);
const ageOf = (since: unknown): string => formatSpan(Date.now() - Date.parse(text(since)));

const NONE: ControlLine = { type: 'none' };

/** What each kind of answer looks like for a person; `room` is how wide the terminal is, if it is for one. */
export const REPORTS = {
  sessions: (lines: readonly ControlLine[]): string[] =>
    lines.length === 0
      ? ['nobody is connected']
      : formatTable(lines, [
          { title: 'SESSION', of: ({ id }) => `#${text(id)}` },
          { title: 'LOGIN', of: ({ login }) => text(login) || '-' },
          { title: 'FROM', of: ({ remoteAddress }) => text(remoteAddress) },
          { title: 'ON', of: ({ listener }) => text(listener) },
          // Of a server that is one process, no session has one.
          ...(lines.some(({ worker }) => worker !== undefined)
            ? [{ title: 'WORKER', of: ({ worker }: ControlLine) => count(worker) }]
            : []),
          { title: 'SINCE', of: ({ connectedAt }) => ageOf(connectedAt) },
          { title: 'IDLE', of: ({ idleMs }) => formatSpan(count(idleMs)) },
          { title: 'PACKETS', of: ({ packets }) => count(packets) },
          { title: 'RECEIVED', of: ({ bytesReceived }) => formatBytes(count(bytesReceived)) },
          { title: 'SENT', of: ({ bytesSent }) => formatBytes(count(bytesSent)) },
          { title: 'WAITING', of: ({ queuedBytes }) => formatBytes(count(queuedBytes)) },
          { title: 'IDENTITY', of: ({ fingerprint }) => text(fingerprint) || '-' },
        ]),

  channels: (lines: readonly ControlLine[]): string[] =>
    lines.length === 0
      ? ['there is no private connection']
      : formatTable(lines, [
          { title: 'REQUESTER', of: ({ requester }) => text((requester as Fields)['login']) },
          { title: 'TARGET', of: ({ target }) => text((target as Fields)['login']) },
          { title: 'SINCE', of: ({ since }) => ageOf(since) },
          { title: 'HALVES FROM', of: (line) => halves(line, 'remoteAddress', (from) => text(from) || '-') },
          { title: 'SENT', of: (line) => halves(line, 'bytesReceived', (bytes) => formatBytes(count(bytes))) },
          { title: 'WAITING', of: (line) => halves(line, 'queuedBytes', (bytes) => formatBytes(count(bytes))) },
          { title: 'ENCRYPTED', of: (line) => halves(line, 'encrypted', (is) => (is === true ? 'yes' : 'no')) },
        ]),

  kicked: (lines: readonly ControlLine[]): string[] =>
    lines.map(({ id, login, remoteAddress, node }) => {
      const from = [text(remoteAddress), ...(node === undefined ? [] : [`node ${text(node)}`])].join(', ');
      return `kicked ${text(login) || `#${text(id)}`} (${from})`;
    }),

  banned: (lines: readonly ControlLine[]): string[] => [
    ...lines.map(({ kind, what, until, sessions, channels, node }) => {
      const ended = `${pluralize(count(sessions), 'session')} and ${pluralize(count(channels), 'private connection')} ended`;
      const where = node === undefined ? '' : ` at node ${text(node)}; other nodes end theirs`;
      return `banned ${kindText(kind)} ${text(what)}${end(until)}: ${ended}${where}`;
    }),
    ...warnings(lines),
  ],

  unbanned: (lines: readonly ControlLine[]): string[] => [
    ...lines.map(({ kind, what }) => `unbanned ${kindText(kind)} ${text(what)}`),
    ...warnings(lines),
  ],

  bans: (lines: readonly ControlLine[]): string[] =>
    lines.length === 0
      ? ['nobody is banned']
      : formatTable(lines, [
          { title: 'BANNED', of: ({ what }) => text(what) },
          { title: 'AS', of: ({ kind }) => kindText(kind) },
          { title: 'SINCE', of: ({ since }) => ageOf(since) },
          { title: 'FOR ANOTHER', of: ({ until }) => (until === undefined ? 'ever' : left(until)) },
          { title: 'REASON', of: ({ reason }) => text(reason) },
        ]),

  cluster: (lines: readonly ControlLine[], room?: number): string[] => {
    const [{ node = '', leaseLeftMs, broker, problem, cutOff, gaps, claims } = NONE as Fields] =
      lines as readonly Fields[];
    const of = (type: string): readonly ControlLine[] => lines.filter((line) => line.type === type);
    const { isReachable } = (broker ?? {}) as Fields;
    const lease = count(leaseLeftMs) > 0 ? `lease for another ${formatSpan(count(leaseLeftMs))}` : 'no lease';
    const { granted, refused, failed, waiting } = (claims ?? {}) as Fields;
    const nodes = formatTable(of('node'), [
      { title: 'NODE', of: (line) => `${text(line['node'])}${line['node'] === node ? ' (this)' : ''}` },
      {
        title: 'STATE',
        of: ({ state, notReachedMs, silentMs }) =>
          nodeStateText({ state: text(state), notReachedMs: count(notReachedMs), silentMs: count(silentMs) }),
      },
      { title: 'PEER', of: ({ peer }) => text(peer) },
      { title: 'WORKERS', of: ({ workers }) => count(workers) },
    ]);
    const links = of('link');
    return [
      `node ${text(node)}: ${lease}, NATS is ${isReachable === true ? 'reachable' : 'not reachable'}`,
      ...(problem === undefined ? [] : [`nobody can log in: ${text(problem)}`]),
      ...(cutOff === undefined ? [] : [`not ready: ${text(cutOff)}`]),
      `logins: ${count(granted)} granted, ${count(refused)} refused, ${count(failed)} without an answer, ${count(waiting)} waiting; gaps: ${count(gaps)}`,
      ...nodes,
      ...(links.length === 0
        ? []
        : formatTable(
            links,
            [
              { title: 'WORKER', of: ({ worker }) => count(worker) },
              { title: 'LINK TO', of: ({ toNode, toWorker }) => `${text(toNode)} worker ${count(toWorker)}` },
              {
                title: 'STATE',
                of: ({ isUp, cutMs }) => (isUp === true ? 'up' : `cut for ${formatSpan(count(cutMs))}`),
              },
              { title: 'WAITING', of: ({ keptBytes }) => formatBytes(count(keptBytes)) },
              ...(links.some((line) => linkTrouble(line) !== '')
                ? [{ title: 'WHY', of: linkTrouble, isWhole: true }]
                : []),
            ],
            room,
          )),
    ];
  },

  reloaded: ([line]: readonly ControlLine[]): string[] => {
    const { applied, needsRestart, invalid } = line as unknown as ReloadReport;
    const lines = [
      ...applied.map((part) => `reloaded: ${part}`),
      ...needsRestart.map((part) => `needs a restart: ${part}`),
      ...invalid.flatMap(({ part, message }) => `invalid, the old one stays: ${part}\n${message}`.split('\n')),
    ];
    return lines.length > 0 ? lines : ['nothing has changed'];
  },

  draining: ([line]: readonly ControlLine[]): string[] => {
    const { clients, channels } = line ?? NONE;
    return [`draining: ${pluralize(count(clients), 'client')}, ${pluralize(count(channels), 'private connection')}`];
  },

  logLevel: ([line]: readonly ControlLine[]): string[] => {
    const { level, was } = line ?? NONE;
    return [level === was ? text(level) : `${text(level)} (was ${text(was)})`];
  },

  stats: ([line]: readonly ControlLine[]): string[] => {
    const { type: _, ...stats } = line ?? NONE;
    const width = Math.max(...Object.keys(stats).map((name) => name.length));
    return Object.entries(stats).map(
      ([name, value]) => `${name.padEnd(width)}  ${Array.isArray(value) ? value.join(', ') : String(value)}`,
    );
  },
} as const;

/** Why a link has no connection, as far as this node knows, or does not keep one. */
function linkTrouble({ why, breaks }: ControlLine): string {
  if (why !== undefined) return text(why);
  return count(breaks) > 1 ? `has broken ${count(breaks)} times, each soon` : '';
}

/** What is said of a process of a server that had no part in an answer. */
export function missingText({ worker, pid, node }: ControlLine): string {
  if (node !== undefined)
    return `node ${text(node)} does not answer: what it has is missing, and nothing was done there`;
  return `worker ${count(worker)} (pid ${count(pid)}) does not answer: what it has is missing, and what it is to do waits`;
}

const KINDS: Readonly<Record<string, string>> = { from: 'address', login: 'login', identity: 'key' };

/** What a ban is of, in words; a newer server may know other kinds. */
function kindText(kind: unknown): string {
  return KINDS[text(kind)] ?? text(kind);
}

const left = (until: unknown): string => formatSpan(Date.parse(text(until)) - Date.now());
const end = (until: unknown): string =>
  until === undefined ? '' : ` for ${formatSpan(Date.parse(text(until)) - Date.now() + 500)}`;

function warnings(lines: readonly ControlLine[]): string[] {
  const all = lines.flatMap(({ warning }) => (typeof warning === 'string' ? [`warning: ${warning}`] : []));
  return [...new Set(all)];
}

function halves(line: ControlLine, field: string, show: (value: unknown) => string): string {
  return (line['halves'] as readonly Fields[]).map((half) => show(half[field])).join(', ');
}
