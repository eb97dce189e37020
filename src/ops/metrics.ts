import { escapeUnsafe } from '../util/escape.ts';
import type { DelaySeconds } from './event-loop-delay.ts';
import { MetricsText, type Labels, type Sample } from './metrics-text.ts';
import { addProcess, addServer } from './process-metrics.ts';
import type { StatusDocument } from './status-document.ts';
import type { AccountStatus, JobStatus, PluginStatus } from '../bot/status.ts';

/** A plugin may name jobs after whatever comes in: so many of each have metrics, `chatosbot_plugin_jobs` counts all. */
const MAX_JOBS_PER_PLUGIN = 100;

const ACCOUNT_STATES = ['connecting', 'connected', 'standby', 'ended'] as const satisfies AccountStatus['state'][];
const PLUGIN_STATES = [
  'waiting',
  'running',
  'set aside',
  'probing',
  'stopping',
  'stopped',
] as const satisfies PluginStatus['state'][];

/** Something that has metrics, and the labels that tell it from its like. */
interface Subject<T> {
  readonly labels: Labels;
  readonly of: T;
}

/** Everything as metrics for Prometheus. What is counted starts at 0 with the process, or with a plugin's reload. */
export function renderMetrics(document: StatusDocument, delay: DelaySeconds): string {
  const text = new MetricsText();
  text.gauge('chatosbot_info', 'Always 1; its labels tell the versions.', [
    { labels: { version: document.version, node: document.node }, value: 1 },
  ]);
  const accounts = document.accounts.map((of) => ({ labels: { account: of.login, server: of.server }, of }));
  const plugins = accounts.flatMap(({ labels, of }) =>
    distinct(of.plugins).map(([plugin, each]) => ({ labels: { plugin, ...labels }, of: each })),
  );
  const jobs = plugins.flatMap(({ labels, of }) =>
    distinct(of.jobs.slice(0, MAX_JOBS_PER_PLUGIN)).map(([job, each]) => ({ labels: { job, ...labels }, of: each })),
  );
  addAccounts(text, accounts);
  addPlugins(text, plugins);
  addJobs(text, jobs);
  if (document.server) addServer(text, document.server);
  addProcess(text, delay);
  return text.toString();
}

function addAccounts(text: MetricsText, accounts: readonly Subject<AccountStatus>[]): void {
  const each = sampler(accounts);
  text
    .gauge('chatosbot_account_connected', 'Whether the account is logged in.', each(connected))
    .gauge('chatosbot_account_state', 'What the account does: 1 for its state.', byState(accounts, ACCOUNT_STATES))
    .counter(
      'chatosbot_messages_heard_total',
      'Messages that others said.',
      each(({ messages }) => messages.heard),
    )
    .counter(
      'chatosbot_messages_sent_total',
      'Messages that went out.',
      each(({ messages }) => messages.sent),
    )
    .counter(
      'chatosbot_messages_dropped_total',
      'Messages of the bots that were given up: too many, too late or too long.',
      each(({ messages }) => messages.dropped),
    )
    .gauge(
      'chatosbot_messages_waiting',
      'Messages that wait to be sent.',
      each(({ messages }) => messages.waiting),
    )
    .gauge(
      'chatosbot_muted_peers',
      'Peers that are taken for bots and not heard.',
      each(({ muted }) => muted.length),
    )
    .gauge(
      'chatosbot_channels',
      'Private connections that are open.',
      each(({ channels }) => channels.length),
    )
    .counter(
      'chatosbot_channels_opened_total',
      'Private connections.',
      each((one) => one.channelTotals.opened),
    )
    .counter(
      'chatosbot_channel_received_bytes_total',
      'Bytes that came over private connections.',
      each((one) => one.channelTotals.bytesReceived),
    )
    .counter(
      'chatosbot_channel_sent_bytes_total',
      'Bytes that went out over private connections.',
      each((one) => one.channelTotals.bytesSent),
    );
}

function addPlugins(text: MetricsText, plugins: readonly Subject<PluginStatus>[]): void {
  const each = sampler(plugins);
  text
    .gauge('chatosbot_plugin_state', 'How the plugin is: 1 for its state.', byState(plugins, PLUGIN_STATES))
    .counter(
      'chatosbot_plugin_calls_total',
      'Calls of hooks, commands and jobs.',
      each(({ calls }) => calls),
    )
    .counter(
      'chatosbot_plugin_failures_total',
      'Failures.',
      each(({ failures }) => failures),
    )
    .counter(
      'chatosbot_plugin_skipped_total',
      'Calls left out: the plugin was set aside, or had too many under way.',
      each(({ skipped }) => skipped),
    )
    .gauge(
      'chatosbot_plugin_running_calls',
      'Calls under way.',
      each(({ running }) => running),
    )
    .gauge(
      'chatosbot_plugin_jobs',
      'Scheduled jobs.',
      each((plugin) => plugin.jobs.length),
    );
}

function addJobs(text: MetricsText, jobs: readonly Subject<JobStatus>[]): void {
  const each = sampler(jobs);
  text
    .gauge(
      'chatosbot_job_running',
      'Runs of the job that are under way.',
      each(({ running }) => running),
    )
    .gauge(
      'chatosbot_job_last_run_timestamp_seconds',
      'When the last run of this process began; without it, there was none.',
      each(({ lastRun }) => seconds(lastRun?.startedAt)),
    )
    .gauge(
      'chatosbot_job_last_run_ok',
      'Whether the last run went well; left out while it is under way.',
      each(({ lastRun }) => lastRun?.ok),
    )
    .gauge(
      'chatosbot_job_next_run_timestamp_seconds',
      'When it runs next.',
      each(({ next }) => seconds(next)),
    );
}

const connected = ({ state }: AccountStatus): boolean => state === 'connected';

const seconds = (date: Date | undefined): number | undefined => date && date.getTime() / 1000;

function sampler<T>(subjects: readonly Subject<T>[]): (value: (of: T) => Sample['value']) => Sample[] {
  return (value) => subjects.map(({ labels, of }) => ({ labels, value: value(of) }));
}

function byState<S extends string>(
  subjects: readonly Subject<{ readonly state: S }>[],
  states: readonly S[],
): Sample[] {
  return subjects.flatMap(({ labels, of }) =>
    states.map((state) => ({ labels: { ...labels, state }, value: of.state === state })),
  );
}

/** Each with a name of its own: of two that are called the same, the second is `name#2`. */
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
