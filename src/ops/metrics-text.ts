import { escapeUnsafe } from '../util/escape.ts';

/** What a sample is about. */
export type Labels = Readonly<Record<string, string>>;

/** One value; `undefined` is left out. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number | boolean | undefined;
}

/** Writes metrics in the text format of Prometheus, version 0.0.4. */
export class MetricsText {
  static readonly contentType = 'text/plain; version=0.0.4; charset=utf-8';
  #text = '';

  /** Adds a metric that only grows; its name ends with `_total`. Without samples it is left out. */
  counter(name: `${string}_total`, help: string, samples: readonly Sample[]): this {
    return this.#add(name, 'counter', help, samples);
  }

  /** Adds a metric that rises and falls; true is 1. Without samples it is left out. */
  gauge(name: string, help: string, samples: readonly Sample[]): this {
    return this.#add(name, 'gauge', help, samples);
  }

  toString(): string {
    return this.#text;
  }

  #add(name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[]): this {
    const lines = samples
      .filter(({ value }) => value !== undefined)
      .map(({ labels, value }) => `${name}${braced(labels)} ${Number(value)}\n`);
    if (lines.length > 0) this.#text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
    return this;
  }
}

function braced(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** No line breaks are left: they, and what else a terminal could obey, are shown instead. */
function escapeLabel(value: string): string {
  return escapeUnsafe(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"');
}
