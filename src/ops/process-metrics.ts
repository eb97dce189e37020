import process from 'node:process';
import type { ServerStats } from '../server/stats.ts';
import type { DelaySeconds } from './event-loop-delay.ts';
import { renderMetricRows, type Metric } from './metrics-text.ts';

/** A row for each number of a server's statistics. */
const SERVER_ROWS: { readonly [K in keyof ServerStats]: readonly [name: string, help: string] } = {
  clients: ['clients', 'Clients that are logged in.'],
  connections: ['connections', 'TCP connections, those of private connections included.'],
  channels: ['channels', 'Private connections that are relayed.'],
  accepted: ['accepted_connections_total', 'Connections accepted.'],
  messages: ['messages_total', 'Messages received from clients.'],
  malformed: ['malformed_connections_total', 'Connections closed for malformed packets.'],
  forbidden: ['forbidden_packets_total', 'Packets that their sender must not send.'],
  slow: ['slow_clients_total', 'Clients cut off because they did not read.'],
  established: ['channels_established_total', 'Private connections that both sides joined.'],
  relayedBytes: ['relayed_bytes_total', 'Bytes relayed, both directions, counted when a private connection ends.'],
  wrongIds: ['wrong_connect_ids_total', 'Connections refused for a wrong or used connect id.'],
};

const SERVER_METRICS = (Object.entries(SERVER_ROWS) as [keyof ServerStats, readonly [string, string]][]).map(
  ([key, [name, help]]): Metric<ServerStats> => [`chatosbot_server_${name}`, help, (stats) => stats[key]],
);

interface ProcessNumbers {
  readonly cpu: NodeJS.CpuUsage;
  readonly memory: NodeJS.MemoryUsage;
  readonly delay: DelaySeconds;
}

const OVER = 'over the last 30 to 60 seconds';

/** The names are those that dashboards for Node.js use. */
const PROCESS_METRICS: readonly Metric<ProcessNumbers>[] = [
  ['process_start_time_seconds', 'When the process started.', () => Date.now() / 1000 - process.uptime()],
  ['process_uptime_seconds', 'How long the process has been running.', () => process.uptime()],
  ['process_cpu_seconds_total', 'Processor time, user and system.', ({ cpu }) => (cpu.user + cpu.system) / 1e6],
  ['process_resident_memory_bytes', 'Resident memory.', ({ memory }) => memory.rss],
  ['nodejs_heap_size_used_bytes', 'Heap in use.', ({ memory }) => memory.heapUsed],
  ['nodejs_heap_size_total_bytes', 'Heap reserved.', ({ memory }) => memory.heapTotal],
  ['nodejs_external_memory_bytes', 'Memory of buffers and other external objects.', ({ memory }) => memory.external],
  ['nodejs_eventloop_lag_mean_seconds', `Mean delay of the event loop ${OVER}.`, ({ delay }) => delay.mean],
  ['nodejs_eventloop_lag_p50_seconds', `Median delay of the event loop ${OVER}.`, ({ delay }) => delay.p50],
  ['nodejs_eventloop_lag_p99_seconds', `99th percentile of the delay ${OVER}.`, ({ delay }) => delay.p99],
  ['nodejs_eventloop_lag_max_seconds', `Longest delay of the event loop ${OVER}.`, ({ delay }) => delay.max],
];

/** The metrics of the server in this process, if there is one, and of the process. */
export function renderProcessMetrics(server: ServerStats | undefined, delay: DelaySeconds): string {
  const numbers = { cpu: process.cpuUsage(), memory: process.memoryUsage(), delay };
  return (
    renderMetricRows(SERVER_METRICS, server ? [{ labels: {}, of: server }] : []) +
    renderMetricRows(PROCESS_METRICS, [{ labels: {}, of: numbers }])
  );
}
