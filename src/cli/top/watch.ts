import { messageOf } from '../../errors.ts';
import { withResolvers } from '../../util/deferred.ts';
import { EXIT, ExitSignal } from '../terminal/exit.ts';
import { TopModel, type TopView } from './rates.ts';
import { COLUMNS, nextTable, screenLines, type TableName } from './screen.ts';
import type { Source } from './source.ts';
import { TerminalScreen } from './terminal-screen.ts';

/** Keys as terminals send them. */
const KEYS = {
  ctrlC: '\u0003',
  ctrlZ: '\u001A',
  up: '\u001B[A',
  down: '\u001B[B',
  pageUp: '\u001B[5~',
  pageDown: '\u001B[6~',
} as const;

/** The sort that each table begins with: what waits, and what moves. */
const FIRST_SORT = 1;

/**
 * Shows a server on the whole terminal until somebody quits, or the signal is aborted. Where it does not answer any more, it
 * says so, and goes on trying.
 *
 * @throws {ChatosError} where it does not answer the first time; `ExitSignal` for Ctrl-C
 */
export async function watch(source: Source, intervalMs: number, signal: AbortSignal): Promise<void> {
  const model = new TopModel();
  let view: TopView | undefined = model.add(await source.read());
  let answeredAt = performance.now();
  let problem: string | undefined;
  let table: TableName = 'sessions';
  const sorts = { sessions: FIRST_SORT, channels: FIRST_SORT, bots: FIRST_SORT };
  let scrolled = 0;
  let isPaused = false;
  const quit = withResolvers<'quit' | 'interrupted'>();

  const draw = (): void => {
    const { columns, rows } = screen;
    const gone = problem === undefined ? undefined : { why: problem, forMs: performance.now() - answeredAt };
    screen.draw(screenLines(view, { columns, rows, table, sortedBy: sorts[table], scrolled, isPaused, gone }));
  };
  const scroll = (by: number): void => {
    const length = view?.[table]?.length ?? 0;
    scrolled = Math.max(Math.min(scrolled + by, length - 1), 0);
  };
  const actions: Readonly<Record<string, () => void>> = {
    q: () => quit.resolve('quit'),
    [KEYS.ctrlC]: () => quit.resolve('interrupted'),
    [KEYS.ctrlZ]: () => screen.suspend(),
    s: () => {
      sorts[table] = (sorts[table] + 1) % COLUMNS[table].length;
    },
    '\t': () => {
      table = nextTable(table, view);
      scrolled = 0;
    },
    ' ': () => {
      isPaused = !isPaused;
    },
    [KEYS.up]: () => scroll(-1),
    [KEYS.down]: () => scroll(1),
    [KEYS.pageUp]: () => scroll(-screen.rows),
    [KEYS.pageDown]: () => scroll(screen.rows),
  };
  const screen = new TerminalScreen({
    onKey: (key) => {
      if (!Object.hasOwn(actions, key)) return;
      actions[key]!();
      draw();
    },
    onResize: draw,
  });
  const onAbort = (): void => quit.resolve('interrupted');
  signal.addEventListener('abort', onAbort, { once: true });

  const refresh = async (): Promise<void> => {
    if (isPaused) return;
    try {
      view = model.add(await source.read());
      answeredAt = performance.now();
      problem = undefined;
    } catch (error) {
      problem = messageOf(error);
    }
    draw();
  };
  let isRefreshing = false;
  const timer = setInterval(() => {
    if (isRefreshing) return;
    isRefreshing = true;
    void refresh().finally(() => (isRefreshing = false));
  }, intervalMs);
  draw();
  const why = await quit.promise;
  clearInterval(timer);
  signal.removeEventListener('abort', onAbort);
  screen.close();
  if (why === 'interrupted') throw new ExitSignal(EXIT.interrupted);
}
