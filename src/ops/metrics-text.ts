import { escapeUnsafe } from '../util/escape.ts';

/** The content type of the text format of Prometheus. */
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Something that has metrics, and the labels that identify it. */
export interface Subject<T> {
  readonly labels: Readonly<Record<string, string>>;
  readonly of: T;
}

/** A row: a metric whose name ends with `_total` is a counter, any other a gauge. */
export type Metric<T> = readonly [name: string, help: string, value: (of: T) => Value];

/** True is 1; `undefined` is left out; of several, each has a label `state`. */
type Value = number | boolean | undefined | Readonly<Record<string, boolean>>;

/** Writes the metrics of some subjects, their names behind a prefix; those without a value are left out. */
export function renderMetricRows<T>(
  prefix: string,
  metrics: readonly Metric<T>[],
  subjects: readonly Subject<T>[],
): string {
  return metrics
    .map(([row, help, value]) => {
      const name = prefix + row;
      const lines = subjects.flatMap(({ labels, of }) => samples(name, labels, value(of)));
      if (lines.length === 0) return '';
      const type = name.endsWith('_total') ? 'counter' : 'gauge';
      return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
    })
    .join('');
}

function samples(name: string, labels: Subject<unknown>['labels'], value: Value): string[] {
  if (value === undefined) return [];
  if (typeof value !== 'object') return [`${name}${formatLabels(labels)} ${Number(value)}\n`];
  return Object.entries(value).flatMap(([state, is]) => samples(name, { ...labels, state }, is));
}

/** Line breaks and control characters become visible text before the quotes are escaped. */
function formatLabels(labels: Subject<unknown>['labels']): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${escapeUnsafe(value).replace(/["\\]/g, '\\$&')}"`,
  );
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}
