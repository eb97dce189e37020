import process from 'node:process';
import type { ServerStats } from '../server/stats.ts';
import type { DelaySeconds } from './event-loop-delay.ts';
import type { MetricsText, Sample } from './metrics-text.ts';

/** One row for each number that a server tells. */
const SERVER_METRICS: { readonly [K in keyof ServerStats]: readonly [name: string, help: string] } = {
  clients: ['clients', 'Clients that are logged in.'],
  connections: ['connections', 'TCP connections, those of private connections included.'],
  channels: ['channels', 'Private connections that are relayed.'],
  accepted: ['accepted_connections_total', 'Connections accepted.'],
  messages: ['messages_total', 'Messages taken from clients.'],
  malformed: ['malformed_connections_total', 'Connections closed for bytes that are no packet.'],
  forbidden: ['forbidden_packets_total', "Packets that were not their sender's to send."],
  slow: ['slow_clients_total', 'Clients cut off because they did not read.'],
  established: ['channels_established_total', 'Private connections that both sides came to.'],
  relayedBytes: ['relayed_bytes_total', 'Bytes relayed, both directions, counted when a private connection ends.'],
  wrongIds: ['wrong_connect_ids_total', 'Connections turned away for a wrong or used connect id.'],
};

/** What a server in this process has done and holds. */
export function addServer(text: MetricsText, stats: ServerStats): void {
  for (const [key, [name, help]] of Object.entries(SERVER_METRICS) as [keyof ServerStats, [string, string]][]) {
    const full = `chatosbot_server_${name}`;
    const samples = [{ labels: {}, value: stats[key] }];
    if (isTotal(full)) text.counter(full, help, samples);
    else text.gauge(full, help, samples);
  }
}

/** How the process is, under the names that dashboards for Node.js look for. */
export function addProcess(text: MetricsText, delay: DelaySeconds): void {
  const one = (value: number): Sample[] => [{ labels: {}, value }];
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  const over = 'over the last 30 to 60 seconds';
  text
    .gauge('process_start_time_seconds', 'When the process began.', one(Date.now() / 1000 - process.uptime()))
    .gauge('process_uptime_seconds', 'How long the process has been running.', one(process.uptime()))
    .counter('process_cpu_seconds_total', 'Processor time, user and system.', one((user + system) / 1e6))
    .gauge('process_resident_memory_bytes', 'Resident memory.', one(rss))
    .gauge('nodejs_heap_size_used_bytes', 'Heap in use.', one(heapUsed))
    .gauge('nodejs_heap_size_total_bytes', 'Heap reserved.', one(heapTotal))
    .gauge('nodejs_external_memory_bytes', 'Memory of buffers and the like.', one(external))
    .gauge('nodejs_eventloop_lag_mean_seconds', `Mean delay of the event loop ${over}.`, one(delay.mean))
    .gauge('nodejs_eventloop_lag_p50_seconds', `Median delay of the event loop ${over}.`, one(delay.p50))
    .gauge('nodejs_eventloop_lag_p99_seconds', `99th percentile of the delay ${over}.`, one(delay.p99))
    .gauge('nodejs_eventloop_lag_max_seconds', `Longest delay of the event loop ${over}.`, one(delay.max));
}

const isTotal = (name: string): name is `${string}_total` => name.endsWith('_total');
