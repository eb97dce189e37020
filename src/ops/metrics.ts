import { readdirSync, statSync } from 'node:fs';
import process from 'node:process';
import { descriptorLimit } from '../net/descriptors.ts';
import { escapeUnsafe } from '../util/escape.ts';
import type { AuditState } from './audit/audit-file.ts';
import { CLUSTER_METRICS } from './cluster.ts';
import type { DelaySeconds } from './event-loop-delay.ts';
import { renderMetricRows, type Histogram, type Metric } from './metrics-text.ts';
import type { ServerStatus, StatusDocument } from './status-document.ts';
import type { AccountStatus, JobStatus, PluginStatus } from '../bot/status.ts';
import type { WorkerView } from '../server/operated-server.ts';
import type { ServerStats } from '../server/stats.ts';
import { workersCounts, type WorkersCounts } from './workers.ts';

/** So many jobs of a plugin have metrics, as their names may come from users; `chatosbot_plugin_jobs` counts all. */
const MAX_JOBS_PER_PLUGIN = 100;

const ACCOUNT_STATES = ['connecting', 'connected', 'standby', 'ended'] as const satisfies AccountStatus['state'][];
const PLUGIN_STATES = [
  'waiting',
  'running',
  'suspended',
  'probing',
  'stopping',
  'stopped',
] as const satisfies PluginStatus['state'][];

const ACCOUNT_METRICS: readonly Metric<AccountStatus>[] = [
  ['account_connected', 'Whether the account is logged in.', ({ state }) => state === 'connected'],
  ['account_state', 'The state of the account: 1 for the current one.', stateOf(ACCOUNT_STATES)],
  ['messages_heard_total', 'Messages received from others.', ({ messages }) => messages.heard],
  ['messages_sent_total', 'Messages sent.', ({ messages }) => messages.sent],
  [
    'messages_dropped_total',
    'Messages of the bots that were dropped: too many, too late or too long.',
    ({ messages }) => messages.dropped,
  ],
  ['messages_waiting', 'Messages that wait to be sent.', ({ messages }) => messages.waiting],
  ['muted_peers', 'Peers that are ignored because they answer as bots do.', ({ muted }) => muted.length],
  ['pending_questions', 'Questions that wait for an answer, or for their turn.', ({ questions }) => questions],
  ['channels', 'Open private connections.', ({ channels }) => channels.length],
  ['channels_opened_total', 'Private connections opened.', (account) => account.channelTotals.opened],
  [
    'channel_received_bytes_total',
    'Bytes received over private connections.',
    (account) => account.channelTotals.bytesReceived,
  ],
  ['channel_sent_bytes_total', 'Bytes sent over private connections.', (account) => account.channelTotals.bytesSent],
];

const PLUGIN_METRICS: readonly Metric<PluginStatus>[] = [
  ['plugin_state', 'The state of the plugin: 1 for the current one.', stateOf(PLUGIN_STATES)],
  ['plugin_calls_total', 'Calls of hooks, commands and jobs.', ({ calls }) => calls],
  ['plugin_failures_total', 'Failures.', ({ failures }) => failures],
  [
    'plugin_skipped_total',
    'Calls skipped: the plugin was suspended, or had too many calls in progress.',
    ({ skipped }) => skipped,
  ],
  ['plugin_running_calls', 'Calls in progress.', ({ running }) => running],
  ['plugin_jobs', 'Scheduled jobs.', ({ jobs }) => jobs.length],
  ['plugin_dialogues', 'Dialogues in progress.', ({ dialogues }) => dialogues],
  ['plugin_timers', 'Timers that have not run.', ({ timers }) => timers.count],
  [
    'plugin_next_timer_timestamp_seconds',
    'When the next timer is due: in the past while it waits; missing where there is none.',
    ({ timers }) => seconds(timers.next[0]?.at),
  ],
];

const JOB_METRICS: readonly Metric<JobStatus>[] = [
  ['job_running', 'Runs of the job in progress.', ({ running }) => running],
  [
    'job_last_run_timestamp_seconds',
    'When the last run of this process started; missing before the first.',
    ({ lastRun }) => seconds(lastRun?.startedAt),
  ],
  ['job_last_run_ok', 'Whether the last run succeeded; missing while it is running.', ({ lastRun }) => lastRun?.ok],
  ['job_next_run_timestamp_seconds', 'When the job runs next.', ({ next }) => seconds(next)],
];

/** A row for each number of a server's statistics. */
const SERVER_ROWS: { readonly [K in keyof ServerStats]: readonly [name: string, help: string] } = {
  clients: ['clients', 'Clients that are logged in.'],
  connections: ['connections', 'TCP connections, those of private connections included.'],
  channels: ['channels', 'Private connections that are relayed.'],
  queuedBytes: ['queued_bytes', 'Memory that waits for clients that have not taken it.'],
  accepted: ['accepted_connections_total', 'Connections accepted.'],
  notAccepted: ['not_accepted_connections_total', 'Connections not accepted: no file descriptor was free.'],
  refusedLogins: ['refused_logins_total', 'Logins refused: taken, like one that is, held, or not allowed.'],
  heldLogins: ['held_logins_total', 'Logins refused because they were held for the address that had them.'],
  barredLogins: ['barred_logins_total', "Logins refused by the operator's lists or rules."],
  ghosts: ['ghosts_replaced_total', 'Clients that took nothing any more, closed for others from their address.'],
  messages: ['messages_total', 'Messages received from clients.'],
  malformed: ['malformed_connections_total', 'Connections closed for malformed packets.'],
  incomplete: ['incomplete_packets_total', 'Connections closed as a packet stayed incomplete for too long.'],
  forbidden: ['forbidden_packets_total', 'Packets that their sender must not send.'],
  forbiddenClosed: ['forbidden_connections_total', 'Connections closed for too many forbidden packets.'],
  slow: ['slow_clients_total', 'Clients cut off because they did not read.'],
  failedHandshakes: ['failed_handshakes_total', 'Connections closed as their TLS handshake failed.'],
  lateHandshakes: ['late_handshakes_total', 'Connections closed as their TLS handshake was not done in time.'],
  unidentified: ['unidentified_connections_total', 'Connections closed as they had not logged in in time.'],
  stalled: ['stalled_clients_total', 'Clients cut off because they had taken nothing for too long.'],
  shed: ['shed_clients_total', 'Clients cut off because too much waited for all, and the most of it for them.'],
  refusedRequests: ['refused_requests_total', 'Requests for private connections refused for a limit.'],
  expiredRequests: ['expired_requests_total', 'Requests for private connections that nobody answered in time.'],
  pausedHalves: [
    'paused_halves_total',
    'Sides of private connections that sent too much before both had come, and waited.',
  ],
  established: ['channels_established_total', 'Private connections that both sides joined.'],
  notInTime: ['channels_not_in_time_total', 'Private connections to which a side did not come in time.'],
  idleChannels: ['idle_channels_total', 'Private connections broken as nothing moved on them.'],
  shedChannels: ['shed_channels_total', 'Private connections broken as too much waited for all receivers.'],
  forcedCloses: ['forced_closes_total', 'Private connections broken as a side did not end in time when it was closed.'],
  relayedBytes: ['relayed_bytes_total', 'Bytes relayed over private connections, both directions.'],
  wrongIds: ['wrong_connect_ids_total', 'Connections refused for a wrong or used connect id.'],
  foreignHalves: [
    'foreign_halves_total',
    'Those of them with neither the address nor the certificate of a party (serve.halves: parties).',
  ],
  shutOuts: ['shut_outs_total', 'Times that guessed connect ids shut an address, or all, out of private connections.'],
  slowed: ['slowed_senders_total', 'Times that a client was slowed because it sent faster than a rate allows.'],
  heldBack: ['held_back_senders_total', 'Times that a client of an exempt address was slowed to what a reader takes.'],
  kicked: ['kicked_sessions_total', 'Sessions that operators have ended.'],
  refusedBanned: ['refused_banned_total', 'Connections refused as their address is banned.'],
  refusedDenied: ['refused_denied_total', "Connections refused as the operator's lists deny their address."],
  refusedFull: ['refused_full_total', 'Connections refused as all places are taken.'],
  refusedPerAddress: ['refused_per_address_total', 'Connections and logins refused as their address has too many.'],
  refusedUnidentified: [
    'refused_unidentified_total',
    'Connections refused as their address has too many that are not identified.',
  ],
  refusedTooFast: ['refused_too_fast_total', 'Connections refused as they come too fast from their address.'],
  refusedKept: ['refused_kept_total', 'Connections refused as the places left are for addresses without any.'],
  refusedNoProxy: ['refused_no_proxy_total', 'Connections refused at an address for proxies, as they were of none.'],
  badProxyHeaders: ['bad_proxy_headers_total', 'Connections of proxies closed as no PROXY header came, or a bad one.'],
  lateProxyHeaders: ['late_proxy_headers_total', 'Connections of proxies closed as their header did not come in time.'],
  internalErrors: ['internal_errors_total', 'Connections closed for a bug of the server.'],
};

const SERVER_METRICS = (Object.entries(SERVER_ROWS) as [keyof ServerStats, readonly [string, string]][]).map(
  ([key, [name, help]]): Metric<ServerStats> => [`server_${name}`, help, (stats) => stats[key]],
);

const WORKERS_METRICS: readonly Metric<WorkersCounts>[] = [
  ['server_workers', 'Processes that the server has; missing where it is one.', ({ workers }) => workers],
  ['server_workers_up', 'Those of them that run and answer.', ({ workersUp }) => workersUp],
  [
    'server_worker_restarts_total',
    'Times that one of them had ended, and was started again.',
    ({ workerRestarts }) => workerRestarts,
  ],
];

/** Each has a label `worker`. */
const WORKER_METRICS: readonly Metric<WorkerView>[] = [
  ['worker_up', 'Whether the process runs and answers.', ({ state }) => state === 'up'],
  ['worker_clients', 'Clients that are logged in at the process.', ({ clients }) => clients],
  ['worker_connections', 'TCP connections of the process.', ({ connections }) => connections],
  ['worker_resident_memory_bytes', 'Resident memory of the process.', ({ memoryBytes }) => memoryBytes],
  [
    'worker_cpu_seconds_total',
    'Processor time of the process, user and system, since it started.',
    ({ cpuSeconds }) => cpuSeconds,
  ],
];

const CERTIFICATE_METRICS: readonly Metric<ServerStatus>[] = [
  [
    'server_certificate_expiry_timestamp_seconds',
    'When the certificate of the server expires; missing without one.',
    ({ certificateExpiresAt }) => seconds(certificateExpiresAt),
  ],
];

const AUDIT_METRICS: readonly Metric<AuditState>[] = [
  ['audit_log_written', 'Whether the audit log can be written; missing without one.', ({ written }) => written],
  ['audit_log_lost_lines_total', 'Lines that are missing in the audit log.', ({ lostLines }) => lostLines],
];

interface ProcessNumbers {
  readonly cpu: NodeJS.CpuUsage;
  readonly memory: NodeJS.MemoryUsage;
  readonly delay: DelaySeconds;
  readonly delays: Histogram;
  readonly openFiles: number | undefined;
  readonly maxOpenFiles: number | undefined;
}

/** The same number at each scrape: dashboards take one that changes for a restart. */
const STARTED_AT_SECONDS = Math.round(Date.now() / 1000 - process.uptime());

const OVER = 'over the last 30 to 60 seconds';

/** The names are those that dashboards for Node.js use. */
const PROCESS_METRICS: readonly Metric<ProcessNumbers>[] = [
  ['process_start_time_seconds', 'When the process started.', () => STARTED_AT_SECONDS],
  ['process_uptime_seconds', 'How long the process has been running.', () => process.uptime()],
  ['process_cpu_seconds_total', 'Processor time, user and system.', ({ cpu }) => (cpu.user + cpu.system) / 1e6],
  ['process_resident_memory_bytes', 'Resident memory.', ({ memory }) => memory.rss],
  ['process_open_fds', 'File descriptors that are open.', ({ openFiles }) => openFiles],
  ['process_max_fds', 'File descriptors that may be open.', ({ maxOpenFiles }) => maxOpenFiles],
  ['nodejs_heap_size_used_bytes', 'Heap in use.', ({ memory }) => memory.heapUsed],
  ['nodejs_heap_size_total_bytes', 'Heap reserved.', ({ memory }) => memory.heapTotal],
  ['nodejs_external_memory_bytes', 'Memory of buffers and other external objects.', ({ memory }) => memory.external],
  ['nodejs_eventloop_delay_seconds', 'How late the event loop was, ten times a second.', ({ delays }) => delays],
  ['nodejs_eventloop_lag_mean_seconds', `Mean delay of the event loop ${OVER}.`, ({ delay }) => delay.mean],
  ['nodejs_eventloop_lag_p50_seconds', `Median delay of the event loop ${OVER}.`, ({ delay }) => delay.p50],
  ['nodejs_eventloop_lag_p99_seconds', `99th percentile of the delay ${OVER}.`, ({ delay }) => delay.p99],
  ['nodejs_eventloop_lag_max_seconds', `Longest delay of the event loop ${OVER}.`, ({ delay }) => delay.max],
];

/** Everything as metrics for Prometheus. Counters start at 0 with the process, or with a reload of the plugin. */
export function renderMetrics(document: StatusDocument, delays: Histogram): string {
  const { version, node, server, eventLoopDelay: delay } = document;
  const numbers = { cpu: process.cpuUsage(), memory: process.memoryUsage(), delay, delays, ...fileDescriptors() };
  const accounts = document.accounts.map((of) => ({ labels: { account: of.login, server: of.server }, of }));
  const plugins = accounts.flatMap(({ labels, of }) =>
    distinct(of.plugins).map(([plugin, each]) => ({ labels: { plugin, ...labels }, of: each })),
  );
  const jobs = plugins.flatMap(({ labels, of }) =>
    distinct(of.jobs.slice(0, MAX_JOBS_PER_PLUGIN)).map(([job, each]) => ({ labels: { job, ...labels }, of: each })),
  );
  const counts = workersCounts(server?.workers);
  const workers = (server?.workers?.all ?? []).map((of) => ({ labels: { worker: String(of.worker) }, of }));
  const ready: Metric<boolean> = [
    'ready',
    'Whether /readyz says so: all accounts are connected, and the server works.',
    Boolean,
  ];
  const info: Metric<number> = ['build_info', 'Always 1; the labels are the versions.', Number];
  return [
    renderMetricRows('chatosbot_', [info], [{ labels: { version, node }, of: 1 }]),
    renderMetricRows('chatosbot_', [ready], [{ labels: {}, of: document.ready }]),
    renderMetricRows('chatosbot_', ACCOUNT_METRICS, accounts),
    renderMetricRows('chatosbot_', PLUGIN_METRICS, plugins),
    renderMetricRows('chatosbot_', JOB_METRICS, jobs),
    renderMetricRows('chatosbot_', SERVER_METRICS, server ? [{ labels: {}, of: server }] : []),
    renderMetricRows('chatosbot_', WORKERS_METRICS, counts ? [{ labels: {}, of: counts }] : []),
    renderMetricRows('chatosbot_', WORKER_METRICS, workers),
    renderMetricRows('chatosbot_', CLUSTER_METRICS, server?.cluster ? [{ labels: {}, of: server.cluster }] : []),
    renderMetricRows('chatosbot_', CERTIFICATE_METRICS, server ? [{ labels: {}, of: server }] : []),
    renderMetricRows('chatosbot_', AUDIT_METRICS, document.audit ? [{ labels: {}, of: document.audit }] : []),
    renderMetricRows('', PROCESS_METRICS, [{ labels: {}, of: numbers }]),
  ].join('');
}

/** On systems that say. */
function fileDescriptors(): Pick<ProcessNumbers, 'openFiles' | 'maxOpenFiles'> {
  const limit = descriptorLimit();
  const maxOpenFiles = Number.isFinite(limit) ? limit : undefined;
  try {
    // Linux says the number since 6.2; to list ten thousand takes longer than a turn of the event loop may.
    const openFiles = statSync('/proc/self/fd').size || readdirSync('/proc/self/fd').length;
    return { openFiles, maxOpenFiles };
  } catch {
    return { openFiles: undefined, maxOpenFiles };
  }
}

const seconds = (date: Date | undefined): number | undefined => date && date.getTime() / 1000;

function stateOf<S extends string>(states: readonly S[]): (of: { readonly state: S }) => Record<string, boolean> {
  return ({ state }) => Object.fromEntries(states.map((each) => [each, each === state]));
}

/** Each with a unique name: of two with the same name, the second is `name#2`. */
function distinct<T extends { readonly name: string }>(named: readonly T[]): [name: string, T][] {
  const taken = new Set<string>();
  return named.map((each) => {
    const base = escapeUnsafe(each.name);
    let name = base;
    for (let number = 2; taken.has(name); number += 1) name = `${base}#${number}`;
    taken.add(name);
    return [name, each];
  });
}
