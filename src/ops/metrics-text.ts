import { escapeUnsafe } from '../util/escape.ts';

/** The content type of the text format of Prometheus. */
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Something that has metrics, and the labels that identify it. */
export interface Subject<T> {
  readonly labels: Readonly<Record<string, string>>;
  readonly of: T;
}

/** How often a value was at most each bound, and the sum and number of all values. */
export interface Histogram {
  readonly buckets: readonly (readonly [bound: number, count: number])[];
  readonly sum: number;
  readonly count: number;
}

/** A row: a metric whose name ends with `_total` is a counter, one with buckets a histogram, any other a gauge. */
export type Metric<T> = readonly [name: string, help: string, value: (of: T) => Value];

/** True is 1; `undefined` is left out; of several, each has a label `state`. */
type Value = number | boolean | undefined | Readonly<Record<string, boolean>> | Histogram;

/** Writes the metrics of some subjects, their names behind a prefix; those without a value are left out. */
export function renderMetricRows<T>(
  prefix: string,
  metrics: readonly Metric<T>[],
  subjects: readonly Subject<T>[],
): string {
  return metrics
    .map(([row, help, value]) => {
      const name = prefix + row;
      const values = subjects.map(({ labels, of }) => ({ labels, value: value(of) }));
      const lines = values.flatMap((each) => samples(name, each.labels, each.value));
      if (lines.length === 0) return '';
      const isHistogram = values.some((each) => isBuckets(each.value));
      const type = name.endsWith('_total') ? 'counter' : isHistogram ? 'histogram' : 'gauge';
      return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
    })
    .join('');
}

function samples(name: string, labels: Subject<unknown>['labels'], value: Value): string[] {
  if (value === undefined) return [];
  if (typeof value !== 'object') return [`${name}${formatLabels(labels)} ${Number(value)}\n`];
  if (isBuckets(value)) {
    const { buckets, sum, count } = value;
    return [
      ...[...buckets, ['+Inf', count] as const].flatMap(([le, below]) =>
        samples(`${name}_bucket`, { ...labels, le: String(le) }, below),
      ),
      ...samples(`${name}_sum`, labels, sum),
      ...samples(`${name}_count`, labels, count),
    ];
  }
  return Object.entries(value).flatMap(([state, is]) => samples(name, { ...labels, state }, is));
}

function isBuckets(value: Value): value is Histogram {
  return typeof value === 'object' && Array.isArray(value['buckets']);
}

/** Line breaks and control characters become visible text before the quotes are escaped. */
function formatLabels(labels: Subject<unknown>['labels']): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${escapeUnsafe(value).replace(/["\\]/g, '\\$&')}"`,
  );
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}
