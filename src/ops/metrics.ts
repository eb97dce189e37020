import { escapeUnsafe } from '../util/escape.ts';
import type { DelaySeconds } from './event-loop-delay.ts';
import { renderMetricRows, type Metric } from './metrics-text.ts';
import { renderProcessMetrics } from './process-metrics.ts';
import type { StatusDocument } from './status-document.ts';
import type { AccountStatus, JobStatus, PluginStatus } from '../bot/status.ts';

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
  ['chatosbot_account_connected', 'Whether the account is logged in.', ({ state }) => state === 'connected'],
  ['chatosbot_account_state', 'The state of the account: 1 for the current one.', stateOf(ACCOUNT_STATES)],
  ['chatosbot_messages_heard_total', 'Messages received from others.', ({ messages }) => messages.heard],
  ['chatosbot_messages_sent_total', 'Messages sent.', ({ messages }) => messages.sent],
  [
    'chatosbot_messages_dropped_total',
    'Messages of the bots that were dropped: too many, too late or too long.',
    ({ messages }) => messages.dropped,
  ],
  ['chatosbot_messages_waiting', 'Messages that wait to be sent.', ({ messages }) => messages.waiting],
  ['chatosbot_muted_peers', 'Peers that are ignored because they answer as bots do.', ({ muted }) => muted.length],
  ['chatosbot_channels', 'Open private connections.', ({ channels }) => channels.length],
  ['chatosbot_channels_opened_total', 'Private connections opened.', (account) => account.channelTotals.opened],
  [
    'chatosbot_channel_received_bytes_total',
    'Bytes received over private connections.',
    (account) => account.channelTotals.bytesReceived,
  ],
  [
    'chatosbot_channel_sent_bytes_total',
    'Bytes sent over private connections.',
    (account) => account.channelTotals.bytesSent,
  ],
];

const PLUGIN_METRICS: readonly Metric<PluginStatus>[] = [
  ['chatosbot_plugin_state', 'The state of the plugin: 1 for the current one.', stateOf(PLUGIN_STATES)],
  ['chatosbot_plugin_calls_total', 'Calls of hooks, commands and jobs.', ({ calls }) => calls],
  ['chatosbot_plugin_failures_total', 'Failures.', ({ failures }) => failures],
  [
    'chatosbot_plugin_skipped_total',
    'Calls skipped: the plugin was suspended, or had too many calls in progress.',
    ({ skipped }) => skipped,
  ],
  ['chatosbot_plugin_running_calls', 'Calls in progress.', ({ running }) => running],
  ['chatosbot_plugin_jobs', 'Scheduled jobs.', ({ jobs }) => jobs.length],
];

const JOB_METRICS: readonly Metric<JobStatus>[] = [
  ['chatosbot_job_running', 'Runs of the job in progress.', ({ running }) => running],
  [
    'chatosbot_job_last_run_timestamp_seconds',
    'When the last run of this process started; missing before the first.',
    ({ lastRun }) => seconds(lastRun?.startedAt),
  ],
  [
    'chatosbot_job_last_run_ok',
    'Whether the last run succeeded; missing while it is running.',
    ({ lastRun }) => lastRun?.ok,
  ],
  ['chatosbot_job_next_run_timestamp_seconds', 'When the job runs next.', ({ next }) => seconds(next)],
];

/** Everything as metrics for Prometheus. Counters start at 0 with the process, or with a reload of the plugin. */
export function renderMetrics(document: StatusDocument, delay: DelaySeconds): string {
  const { version, node, server } = document;
  const accounts = document.accounts.map((of) => ({ labels: { account: of.login, server: of.server }, of }));
  const plugins = accounts.flatMap(({ labels, of }) =>
    distinct(of.plugins).map(([plugin, each]) => ({ labels: { plugin, ...labels }, of: each })),
  );
  const jobs = plugins.flatMap(({ labels, of }) =>
    distinct(of.jobs.slice(0, MAX_JOBS_PER_PLUGIN)).map(([job, each]) => ({ labels: { job, ...labels }, of: each })),
  );
  return [
    renderMetricRows(
      [['chatosbot_info', 'Always 1; the labels are the versions.', Number]],
      [{ labels: { version, node }, of: 1 }],
    ),
    renderMetricRows(ACCOUNT_METRICS, accounts),
    renderMetricRows(PLUGIN_METRICS, plugins),
    renderMetricRows(JOB_METRICS, jobs),
    renderProcessMetrics(server, delay),
  ].join('');
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
