import { constants } from 'node:os';
import process from 'node:process';
import { isInBackground } from './foreground.ts';
import { displayWidth } from './width.ts';
import { eraseLine } from './progress-line.ts';

const INTERVAL_MS = 200;
/** With these, users ask how far it is, as they do with dd. */
const REQUEST_SIGNALS = ['SIGUSR1', 'SIGINFO'] as const;

export interface MovingLineOptions {
  /** Whether there is a terminal for it; else only those who ask get an answer. */
  readonly isShown: boolean;
  readonly line: (columns: number) => string;
  /** Somebody asks, by a signal. The line is erased, and drawn again. */
  readonly onAsked: () => void;
}

/** The line on the terminal now. */
let erase: (() => void) | undefined;

/** Erases the moving line, if there is one, for another line that is to stay: it is drawn again below that. */
export function eraseMovingLine(): void {
  erase?.();
}

export interface MovingLine {
  /** Removes the line for good; those who ask still get an answer. */
  hide(): void;
  end(): void;
}

/** Shows a line on the terminal, again and again. */
export function showMovingLine({ isShown, line, onAsked }: MovingLineOptions): MovingLine {
  const { stderr } = process;
  let shown = '';
  const columns = (): number => stderr.columns || 80;
  const own = (): void => {
    // In the background, the line is the prompt of a shell, or what is typed there.
    if (shown !== '' && !isInBackground()) stderr.write(eraseLine(displayWidth(shown), columns()));
    shown = '';
  };
  const draw = (): void => {
    const next = line(columns());
    if (isInBackground()) {
      shown = '';
      return;
    }
    const erased = shown === '' ? '' : eraseLine(displayWidth(shown), columns());
    shown = next;
    stderr.write(`${erased}${shown}`);
  };
  const timer = isShown ? setInterval(draw, INTERVAL_MS) : undefined;
  if (isShown) erase = own;
  const answer = (): void => {
    own();
    onAsked();
  };
  const signals = REQUEST_SIGNALS.filter((signal) => signal in constants.signals);
  for (const signal of signals) process.on(signal, answer);
  const hide = (): void => {
    clearInterval(timer);
    own();
    if (erase === own) erase = undefined;
  };
  const end = (): void => {
    for (const signal of signals) process.off(signal, answer);
    hide();
  };
  return { hide, end };
}
