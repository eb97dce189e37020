import type { AccountStatus, PluginStatus } from '../../bot/status.ts';
import { pluralize, formatBytes, formatSpan } from '../../util/printable.ts';
import { Zone } from '../../util/zone.ts';
import { jobTime } from '../terminal/job-time.ts';

/** The status of an account and its plugins, for a person. */
export function statusLines(
  { login, plugins, channels, messages, questions, muted }: AccountStatus,
  now: Date,
): string[] {
  return [
    `it is ${now.toISOString()}; ${login} has heard ${pluralize(messages.heard, 'message')} and sent ${messages.sent}`,
    ...plugins.flatMap(pluginLines),
    ...channels.map(({ peer, bytesReceived, bytesSent }) => {
      return `private connection with ${peer}: ${formatBytes(bytesReceived)} in, ${formatBytes(bytesSent)} out`;
    }),
    ...(questions > 0 ? [`${pluralize(questions, 'question')} without an answer`] : []),
    ...(muted.length > 0 ? [`muted: ${muted.join(', ')}`] : []),
  ];
}

function pluginLines({
  name,
  state,
  calls,
  running,
  failures,
  errors,
  commands,
  jobs,
  timers,
  dialogues,
}: PluginStatus): string[] {
  const here = new Zone(undefined);
  return [
    `${name}: ${state}, ${pluralize(calls, 'call')}, ${running} in progress, ${pluralize(failures, 'failure')}`,
    ...(commands.length > 0 ? [`commands: ${commands.join(', ')}`] : []),
    ...jobs.map(({ name: job, next, timeZone }) => {
      return `job ${job}: next ${next ? jobTime(next, timeZone, here) : 'never'}`;
    }),
    ...timers.next.map((timer) => `timer ${timer.name}: due ${here.format(timer.at.getTime(), { withSeconds: true })}`),
    ...(dialogues > 0 ? [`${pluralize(dialogues, 'dialogue')} in progress`] : []),
    ...errors.map(({ hook, message }) => `${hook} failed: ${message}`),
  ];
}

/** Why a plugin does not answer any more, where it was suspended, and what helps. */
export function suspensionNotice(plugins: readonly PluginStatus[], now: Date): string | undefined {
  for (const { name, suspendedUntil } of plugins) {
    const leftMs = (suspendedUntil?.getTime() ?? 0) - now.getTime();
    if (leftMs <= 0) continue;
    const advance = `/advance ${Math.ceil(leftMs / 1000)}s`;
    return `${name} failed too often, and hears nothing for ${formatSpan(leftMs)}: ${advance}, or /reload`;
  }
  return undefined;
}
