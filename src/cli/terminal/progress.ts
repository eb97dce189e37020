import process from 'node:process';
import { toJsonLine } from '../../util/escape.ts';
import { showMovingLine } from './moving-line.ts';
import {
  figuresBetween,
  progressLine,
  summaryLine,
  type ProgressFigures,
  type ProgressSample,
} from './progress-line.ts';

/** Three seconds' worth. */
const RATE_SAMPLES = 15;
export interface ProgressOptions {
  /** How many bytes are to be sent, where that is known. */
  readonly total?: number | undefined;
  /** Whether it is shown only to those who ask for it. */
  readonly quiet: boolean;
  /** Whether those who ask get a line of JSON. */
  readonly json: boolean;
  /** Whether a line may move: nothing is typed on the terminal, and there is no other such line. */
  readonly isMoving: boolean;
}

/** A progress line: `clear` removes it for good, when data goes to the same terminal; `done` ends it. */
export interface Progress {
  readonly clear: () => void;
  readonly done: () => void;
}

/** How many bytes have been moved. */
type Count = () => { sent: number; received: number };

/**
 * Shows bytes, rate and time while something runs: in a line of the terminal that moves, where that disturbs nobody, and
 * in a line that stays for who asks by SIGUSR1 (or by Ctrl-T, where the system has it).
 */
export function showProgress(count: Count, { total, quiet, json, isMoving }: ProgressOptions): Progress {
  const { stderr } = process;
  const sample = (): ProgressSample => ({ at: performance.now(), ...count() });
  const first: ProgressSample = { at: performance.now(), sent: 0, received: 0 };
  const samples = [first];
  const isShown = stderr.isTTY && !quiet && !json;
  let isCleared = false;
  const figures = (since: ProgressSample, now = sample()): ProgressFigures => ({
    ...figuresBetween(since, now),
    total,
    elapsedMs: now.at - first.at,
  });
  const moving = showMovingLine({
    isShown: isShown && isMoving,
    line: (columns) => {
      const now = sample();
      samples.push(now);
      if (samples.length > RATE_SAMPLES) samples.shift();
      // The rate of the last seconds shows when nothing moves.
      return progressLine(figures(samples[0]!, now), columns);
    },
    onAsked: () => {
      if (json) stderr.write(`${toJsonLine({ type: 'progress', ...count(), total })}\n`);
      else stderr.write(`${summaryLine(figures(first))}\n`);
    },
  });
  const clear = (): void => {
    isCleared = true;
    moving.hide();
  };
  const done = (): void => {
    moving.end();
    if (isShown && !isCleared) stderr.write(`${summaryLine(figures(first))}\n`);
  };
  return { clear, done };
}
