import { constants } from 'node:os';
import process from 'node:process';
import { toJsonLine } from '../../util/escape.ts';
import { isInBackground } from './foreground.ts';
import {
  eraseLine,
  figuresBetween,
  progressLine,
  summaryLine,
  type ProgressFigures,
  type ProgressSample,
} from './progress-line.ts';

const INTERVAL_MS = 200;
/** Three seconds' worth. */
const RATE_SAMPLES = 15;
/** With these, users ask for the progress, as they do with dd. */
const REQUEST_SIGNALS = ['SIGUSR1', 'SIGINFO'] as const;

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
  let state: 'hidden' | 'shown' | 'cleared' = 'hidden';
  let line = '';
  const figures = (since: ProgressSample, now = sample()): ProgressFigures => ({
    ...figuresBetween(since, now),
    total,
    elapsedMs: now.at - first.at,
  });
  const columns = (): number => stderr.columns || 80;
  const erase = (): void => {
    // In the background, the line is the prompt of a shell, or what is typed there.
    if (state === 'shown' && !isInBackground()) stderr.write(eraseLine(line.length, columns()));
    state = 'hidden';
    line = '';
  };
  const draw = (): void => {
    const now = sample();
    samples.push(now);
    if (samples.length > RATE_SAMPLES) samples.shift();
    if (state === 'cleared') return;
    if (isInBackground()) {
      line = '';
      return;
    }
    const erased = eraseLine(line.length, columns());
    // The rate of the last seconds shows when nothing moves.
    line = progressLine(figures(samples[0]!, now), columns());
    stderr.write(`${erased}${line}`);
    state = 'shown';
  };
  const timer = isShown && isMoving ? setInterval(draw, INTERVAL_MS) : undefined;
  const report = (): void => {
    if (state === 'shown') erase();
    if (json) stderr.write(`${toJsonLine({ type: 'progress', ...count(), total })}\n`);
    else stderr.write(`${summaryLine(figures(first))}\n`);
  };
  const signals = REQUEST_SIGNALS.filter((signal) => signal in constants.signals);
  for (const signal of signals) process.on(signal, report);
  const clear = (): void => {
    clearInterval(timer);
    erase();
    state = 'cleared';
  };
  const done = (): void => {
    for (const signal of signals) process.off(signal, report);
    const isSilent = state === 'cleared' || !isShown;
    clear();
    if (!isSilent) stderr.write(`${summaryLine(figures(first))}\n`);
  };
  return { clear, done };
}
