import { notableNodes } from '../../ops/cluster.ts';
import { escapeUnsafe } from '../../util/escape.ts';
import { pluralize, formatBytes, formatSpan } from '../../util/printable.ts';
import type { Zone } from '../../util/zone.ts';
import { jobTime } from '../terminal/job-time.ts';
import { formatTable } from '../terminal/table.ts';
import { troublesOf } from '../../ops/troubles.ts';
import type { Account, Status } from './document.ts';

/** The status for a person: times are those of a zone, but for jobs, which have their own. */
export function statusReport(status: Status, zone: Zone): string[] {
  const { version, node, pid, startedAt, memoryBytes, at } = status;
  const age = (since: Date): string => formatSpan(at.getTime() - since.getTime());
  const lines = [
    `chatosbot ${version} on Node.js ${node}, process ${pid}, up ${age(startedAt)}, ${formatBytes(memoryBytes)}`,
    '',
    ...accountLines(status, age),
    ...pluginLines(status, age),
    ...jobLines(status, zone),
    ...timerLines(status, zone),
    ...channelLines(status, age),
    ...serverLines(status),
  ];
  while (lines.at(-1) === '') lines.pop();
  return lines.map(escapeUnsafe);
}

type Age = (since: Date) => string;

function accountLines({ accounts }: Status, age: Age): string[] {
  if (accounts.length === 0) return [];
  const table = formatTable(accounts, [
    { title: 'ACCOUNT', of: ({ login }) => login },
    { title: 'SERVER', of: ({ server }) => server },
    { title: 'STATE', of: ({ state, since }) => `${state} for ${age(since)}` },
    { title: 'HEARD', of: ({ messages }) => messages.heard },
    { title: 'SENT', of: ({ messages }) => messages.sent },
    { title: 'WAITING', of: ({ messages }) => messages.waiting },
    { title: 'DROPPED', of: ({ messages }) => messages.dropped },
  ]);
  const notes = accounts.flatMap(({ login, state, problem, muted }) => [
    ...(problem === undefined || state === 'connected' ? [] : [`${login}: ${problem}`]),
    ...(muted.length === 0 ? [] : [`${login} ignores ${muted.join(', ')}: they answer every answer, as bots do`]),
  ]);
  return [...table, ...notes.map(indented), ''];
}

function pluginLines(status: Status, age: Age): string[] {
  const rows = status.accounts.flatMap((account) => account.plugins.map((plugin) => ({ account, plugin })));
  if (rows.length === 0) return [];
  const table = formatTable(rows, [
    { title: 'BOT', of: ({ plugin }) => plugin.name },
    { title: 'ACCOUNT', of: ({ account }) => nameOf(account, status) },
    { title: 'STATE', of: ({ plugin }) => stateText(plugin, status.at) },
    { title: 'CALLS', of: ({ plugin }) => plugin.calls },
    { title: 'FAILED', of: ({ plugin }) => plugin.failures },
    { title: 'SKIPPED', of: ({ plugin }) => plugin.skipped },
  ]);
  const notes = rows.flatMap(({ plugin: { name, errors } }) => {
    const error = errors.at(-1);
    if (!error) return [];
    const who = error.peer === undefined ? '' : `, for ${error.peer}`;
    return [`${name} failed ${age(error.at)} ago in ${error.hook}${who}: ${error.message}`];
  });
  return [...table, ...notes.map(indented), ''];
}

function stateText({ state, suspendedUntil, isolation }: Account['plugins'][number], at: Date): string {
  const where = isolation ? ', isolated' : '';
  if (suspendedUntil === undefined) return `${state}${where}`;
  const leftMs = suspendedUntil.getTime() - at.getTime();
  return `${state} ${leftMs > 0 ? `for another ${formatSpan(leftMs)}` : 'until it is called'}${where}`;
}

function jobLines(status: Status, zone: Zone): string[] {
  const rows = status.accounts.flatMap(({ plugins }) =>
    plugins.flatMap((plugin) => plugin.jobs.map((job) => ({ plugin, job }))),
  );
  if (rows.length === 0) return [];
  const inHowLong = (date: Date): string => formatSpan(date.getTime() - status.at.getTime());
  const table = formatTable(rows, [
    { title: 'JOB', of: ({ job }) => job.name },
    { title: 'BOT', of: ({ plugin }) => plugin.name },
    {
      title: 'NEXT RUN',
      of: ({ job: { next, timeZone } }) => (next ? `${jobTime(next, timeZone, zone)}, in ${inHowLong(next)}` : 'none'),
    },
    {
      title: 'LAST RUN',
      of: ({ job: { lastRun, timeZone } }) =>
        lastRun ? `${jobTime(lastRun.startedAt, timeZone, zone)}, ${outcome(lastRun.ok)}` : 'none yet',
    },
  ]);
  return [...table, ''];
}

const SECONDS = { withSeconds: true } as const;

/** The timers of each bot that are due next; of the others, how many there are. */
const SHOWN_TIMERS = 3;

function timerLines(status: Status, zone: Zone): string[] {
  const plugins = status.accounts.flatMap(({ plugins: all }) => all);
  const rows = plugins.flatMap((plugin) =>
    plugin.timers.next.slice(0, SHOWN_TIMERS).map((timer) => ({ plugin, timer })),
  );
  if (rows.length === 0) return [];
  const inHowLong = (date: Date): string => {
    const ms = date.getTime() - status.at.getTime();
    return ms > 0 ? `in ${formatSpan(ms)}` : `late by ${formatSpan(-ms)}`;
  };
  const table = formatTable(rows, [
    { title: 'TIMER', of: ({ timer }) => timer.name },
    { title: 'BOT', of: ({ plugin }) => plugin.name },
    { title: 'DUE', of: ({ timer: { at } }) => `${zone.format(at.getTime(), SECONDS)}, ${inHowLong(at)}` },
  ]);
  const notes = plugins.flatMap(({ name, timers: { count } }) =>
    count > SHOWN_TIMERS ? [`${name} has ${count - SHOWN_TIMERS} more`] : [],
  );
  return [...table, ...notes.map(indented), ''];
}

function outcome(ok: boolean | undefined): string {
  if (ok === undefined) return 'running';
  return ok ? 'ok' : 'failed';
}

function channelLines(status: Status, age: Age): string[] {
  const rows = status.accounts.flatMap(({ channels }) => channels);
  if (rows.length === 0) return [];
  const table = formatTable(rows, [
    { title: 'PRIVATE CONNECTION WITH', of: ({ peer }) => peer },
    { title: 'BOT', of: ({ bot }) => bot },
    { title: 'ASKED BY', of: ({ role }) => (role === 'target' ? 'the peer' : 'the bot') },
    { title: 'OPEN FOR', of: ({ openedAt }) => age(openedAt) },
    { title: 'RECEIVED', of: ({ bytesReceived }) => formatBytes(bytesReceived) },
    { title: 'SENT', of: ({ bytesSent }) => formatBytes(bytesSent) },
  ]);
  return [...table, ''];
}

/** A certificate that expires within this time is worth a line. */
const EXPIRES_SOON_MS = 14 * 86_400_000;

function serverLines({ server, problems, at }: Status): string[] {
  if (!server) return [];
  const { addresses, clients, connections, channels, accepted, messages, established, relayedBytes } = server;
  const now = [
    pluralize(clients, 'client'),
    pluralize(connections, 'connection'),
    pluralize(channels, 'private connection'),
    ...(server.queuedBytes > 0 ? [`${formatBytes(server.queuedBytes)} wait for clients that do not read`] : []),
  ];
  return [
    `server on ${addresses.join(', ')}`,
    ...problems.filter((line) => line.startsWith('server: ')).map((line) => indented(`not ready: ${line.slice(8)}`)),
    ...certificateLines(server, at),
    indented(`now: ${now.join(', ')}`),
    indented(
      `so far: ${pluralize(accepted, 'connection')}, ${pluralize(messages, 'message')}, ${pluralize(established, 'private connection')} (${formatBytes(relayedBytes)})`,
    ),
    ...workersLines(server),
    ...clusterLines(server),
    ...troublesOf(server).map(indented),
  ];
}

function workersLines({ workers }: NonNullable<Status['server']>): string[] {
  if (!workers) return [];
  const { all, restarts } = workers;
  const missing = all.filter(({ state }) => state !== 'up').map(({ worker, state }) => `worker ${worker} is ${state}`);
  const parts = [
    pluralize(all.length, 'worker'),
    ...missing,
    ...(restarts > 0 ? [pluralize(restarts, 'restart')] : []),
  ];
  return [indented(parts.join(', '))];
}

function clusterLines({ cluster }: NonNullable<Status['server']>): string[] {
  if (!cluster) return [];
  const { node, nodes, leaseLeftMs, broker, links, gaps } = cluster;
  const others = nodes.filter((each) => each.node !== node);
  const cut = links.filter(({ isUp }) => !isUp).length;
  const parts = [
    `node ${node} of ${pluralize(others.length + 1, 'node')}`,
    ...(leaseLeftMs > 0 ? [] : ['no lease']),
    ...(broker.isReachable ? [] : ['NATS is not reachable']),
    ...notableNodes(others),
    ...(cut > 0 ? [`${pluralize(cut, 'link')} cut`] : []),
    ...(gaps > 0 ? [pluralize(gaps, 'gap')] : []),
  ];
  return [indented(parts.join(', '))];
}

function certificateLines({ certificateExpiresAt: end }: NonNullable<Status['server']>, at: Date): string[] {
  if (!end || end.getTime() - at.getTime() > EXPIRES_SOON_MS) return [];
  const left = end.getTime() - at.getTime();
  return [indented(left > 0 ? `its certificate expires in ${formatSpan(left)}` : 'its certificate has expired')];
}

/** An account's login, with its server if the login is not unique. */
function nameOf({ login, server }: Account, { accounts }: Status): string {
  return accounts.filter((other) => other.login === login).length > 1 ? `${login} on ${server}` : login;
}

const indented = (text: string): string => `  ${text}`;
