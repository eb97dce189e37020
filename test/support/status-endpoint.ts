/** The status endpoint of bots, and what reads its metrics by the book. */
import net from 'node:net';
import { onTestFinished } from 'vitest';
import { startStatusServer, type StatusServer, type StatusServerOptions } from '../../src/ops/status-endpoint.ts';
import { MemoryLog } from './bot-log.ts';
import { ownPort } from './own-port.ts';

export interface Endpoint extends StatusServer {
  readonly port: number;
  readonly log: MemoryLog;
  readonly get: (path: string, init?: RequestInit) => Promise<Response>;
}

/** Starts an endpoint on a port that it keeps when it is started again. */
export async function startEndpoint(
  runtime?: StatusServerOptions['runtime'],
  options: Partial<StatusServerOptions> = {},
): Promise<Endpoint> {
  const log = new MemoryLog();
  const server = await startStatusServer({
    address: { host: '127.0.0.1', port: await ownPort() },
    runtime,
    log,
    ...options,
  });
  onTestFinished(() => server.close());
  const port = Number(new URL(server.url).port);
  return { ...server, port, log, get: (path, init) => fetch(`http://127.0.0.1:${port}${path}`, init) };
}

/** Opens a connection, writes, and resolves to all that came back when the other side has ended it. */
export function converse(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    let answer = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (answer += chunk));
    // That it is cut off while it writes is one way to be refused.
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
    socket.write(text);
  });
}

export interface Metric {
  readonly type: string;
  readonly samples: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;

/** Reads the text format 0.0.4, and throws at whatever is not allowed in it: two series that are the same, too. */
export function parseMetrics(text: string): Map<string, Metric> {
  const metrics = new Map<string, { type: string; samples: { labels: Record<string, string>; value: number }[] }>();
  const series = new Set<string>();
  if (!text.endsWith('\n')) throw new Error('the last line must end with a line feed');
  for (const line of text.slice(0, -1).split('\n')) {
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line);
    if (type) {
      if (metrics.has(type[1]!)) throw new Error(`a second TYPE for ${type[1]}`);
      metrics.set(type[1]!, { type: type[2]!, samples: [] });
    }
    if (type || /^# HELP \S+ [^\\]+$/.test(line)) continue;
    const [, name = '', braced = '', value = ''] = SAMPLE.exec(line) ?? [];
    const labels = parseLabels(braced);
    const key = `${name} ${JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => a.localeCompare(b)))}`;
    const family = [...metrics.keys()].at(-1) ?? '';
    const isPart =
      metrics.get(family)?.type === 'histogram' && /_(?:bucket|sum|count)$/.test(name.slice(family.length));
    const metric = isPart ? metrics.get(family) : metrics.get(name);
    if (!metric || (family !== name && !isPart)) throw new Error(`not a sample of the metric above: ${line}`);
    if (series.has(key)) throw new Error(`twice the same series: ${line}`);
    if (!Number.isFinite(Number(value))) throw new Error(`not a number: ${line}`);
    if (metric.type === 'counter' && !name.endsWith('_total')) throw new Error(`a counter not named _total: ${name}`);
    series.add(key);
    metric.samples.push({ labels, value: Number(value) });
  }
  return metrics;
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const match = LABEL.exec(text);
    if (!match) throw new Error(`not labels: ${text}`);
    labels[match[1]!] = match[2]!.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char));
  }
  return labels;
}
