import process from 'node:process';
import type { TransferProgress } from '../../transfer/files/report.ts';
import { toJsonLine } from '../../util/escape.ts';
import { showMovingLine, type MovingLine } from '../terminal/moving-line.ts';
import { notice } from '../terminal/output.ts';
import type { TransferFlags } from './flags.ts';
import { progressText, type Totals } from './progress-text.ts';

/** Three seconds' worth of samples, five a second. */
const RATE_SAMPLES = 15;

/** The transfers whose progress is shown. */
export class ProgressView {
  readonly #flags: TransferFlags;
  readonly #running = new Map<
    string,
    { readonly progress: () => TransferProgress; readonly totals: Totals; readonly since: number }
  >();
  /** Of what was sent or received. */
  readonly #samples: { readonly at: number; readonly bytes: number }[] = [];
  #moving: MovingLine | undefined;
  readonly #onData: boolean;

  constructor(flags: TransferFlags, onData = false) {
    this.#flags = flags;
    this.#onData = onData;
  }

  /** Shows a transfer from now on. */
  add(peer: string, progress: () => TransferProgress, totals: Totals): void {
    this.#running.set(peer, { progress, totals, since: performance.now() });
    this.#samples.length = 0;
    if (this.#moving) return;
    const { quiet = false, json = false } = this.#flags;
    this.#moving = showMovingLine({
      isShown: process.stderr.isTTY && !quiet && !json,
      line: (columns) => this.#line(columns),
      onAsked: () => this.#answer(),
    });
  }

  remove(peer: string): void {
    this.#running.delete(peer);
    if (this.#running.size > 0) return;
    this.#moving?.end();
    this.#moving = undefined;
  }

  /** Of several transfers, the sum. */
  #line(columns: number): string {
    const all = [...this.#running.values()].map(({ progress, totals }) => ({ ...progress(), totals }));
    const sum = (get: (one: (typeof all)[number]) => number): number => all.reduce((total, one) => total + get(one), 0);
    const bytes = sum((one) => one.bytes);
    const movedBytes = sum((one) => one.movedBytes);
    const now = { at: performance.now(), bytes: movedBytes };
    this.#samples.push(now);
    if (this.#samples.length > RATE_SAMPLES) this.#samples.shift();
    const since = this.#samples[0]!;
    const rate = now.at > since.at ? ((now.bytes - since.bytes) * 1000) / (now.at - since.at) : 0;
    const [first] = all;
    const path = all.length === 1 ? first!.path : `${all.length} private connections`;
    const { fileBytes = 0, fileSize = 0 } = all.length === 1 ? first! : {};
    const totals = { bytes: sum((one) => one.totals.bytes), entries: sum((one) => one.totals.entries) };
    return progressText(
      { path, fileBytes, fileSize, bytes, entries: sum((one) => one.entries) },
      totals,
      Math.max(rate, 0),
      columns,
    );
  }

  /** For who asks by a signal. */
  #answer(): void {
    for (const [peer, { progress, totals, since }] of this.#running) {
      const now = progress();
      const { path, fileBytes, fileSize, bytes, movedBytes, entries } = now;
      const event = {
        type: 'progress',
        peer,
        path: path ?? null,
        fileBytes,
        fileSize,
        bytes,
        movedBytes,
        totalBytes: totals.bytes,
        entries,
        totalEntries: totals.entries,
      };
      if (this.#flags.json) (this.#onData ? process.stderr : process.stdout).write(`${toJsonLine(event)}\n`);
      else notice(`${peer}: ${progressText(now, totals, (movedBytes * 1000) / (performance.now() - since), 200)}`);
    }
  }
}
