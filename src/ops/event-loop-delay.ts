import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks';

/** How late the event loop was, in seconds, over the last 30 to 60 seconds. */
export interface DelaySeconds {
  readonly mean: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** How often the delay is sampled, in ms. */
const RESOLUTION_MS = 20;
/** Two histograms are reset by turns: the older one always covers 30 to 60 seconds. */
const TURN_MS = 30_000;

/** Measures the delay of the event loop. Reading it changes nothing. */
export class EventLoopDelay {
  #older: IntervalHistogram = startedHistogram();
  #newer: IntervalHistogram = startedHistogram();
  readonly #timer = setInterval(() => {
    [this.#older, this.#newer] = [this.#newer, this.#older];
    this.#newer.reset();
  }, TURN_MS).unref();

  get seconds(): DelaySeconds {
    const { mean, max, count } = this.#older;
    if (count === 0) return { mean: 0, p50: 0, p99: 0, max: 0 };
    const [p50, p99] = [50, 99].map((part) => lateSeconds(this.#older.percentile(part)));
    return { mean: lateSeconds(mean), p50: p50!, p99: p99!, max: lateSeconds(max) };
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#older.disable();
    this.#newer.disable();
  }
}

/** A histogram of the time between two samples. */
export function startedHistogram(): IntervalHistogram {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return histogram;
}

/** The histogram has the time between two samples, in ns: for an idle loop the resolution, not 0. */
export function lateSeconds(recordedNs: number): number {
  return Math.max(recordedNs / 1e6 - RESOLUTION_MS, 0) / 1000;
}
