import { readdirSync, readFileSync } from 'node:fs';

/** The middle one of some figures. */
export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** The middle one of the figures of some rounds. */
export async function medianOf(rounds: number, run: () => Promise<number>): Promise<number> {
  const figures: number[] = [];
  for (let round = 0; round < rounds; round++) figures.push(await run());
  return median(figures);
}

/** The figure that so many percent of them are below. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = Float64Array.from(values).toSorted();
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? NaN;
}

function childrenOf(pid: number): number[] {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const texts = tasks.map((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8'));
  return texts.flatMap((text) => text.split(' ').filter(Boolean).map(Number));
}

/** Seconds of CPU that the threads of a process, and of those that it has started, have used, on Linux; elsewhere NaN. */
export function cpuSeconds(pid: number): number {
  try {
    let seconds = 0;
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const at = `/proc/${pid}/task/${thread}`;
      seconds += Number(readFileSync(`${at}/schedstat`, 'utf8').split(' ')[0]) / 1e9;
    }
    return childrenOf(pid).reduce((sum, child) => sum + cpuSeconds(child), seconds);
  } catch {
    return NaN;
  }
}

/** System calls by which a process, and those that it has started, have written, on Linux; elsewhere NaN. */
export function writes(pid: number): number {
  try {
    const own = Number(/syscw: (\d+)/.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))![1]);
    return childrenOf(pid).reduce((sum, child) => sum + writes(child), own);
  } catch {
    return NaN;
  }
}

/** Resident memory of a process, and of those that it has started, in MiB, on Linux; elsewhere NaN. */
export function residentMiB(pid: number): number {
  try {
    const own = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
    return childrenOf(pid).reduce((sum, child) => sum + residentMiB(child), own);
  } catch {
    return NaN;
  }
}

/** Prints rows under a title, the columns aligned. */
export function printTable(title: string, rows: readonly (readonly string[])[]): void {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))),
  );
  process.stdout.write(`\n${title}\n${lines.map((cells) => `  ${cells.join('  ')}`).join('\n')}\n`);
}

/** What was measured of one contender in one round: figures by name. */
export type Figures = Readonly<Record<string, number>>;

export interface Contender {
  readonly name: string;
  readonly run: () => Promise<Figures>;
}

/**
 * Runs the contenders in turn, several rounds, and prints medians, each with the ratio of the first to each other one, taken
 * round by round: figures compare only within one sitting.
 */
export async function compare(title: string, contenders: readonly Contender[], rounds: number): Promise<void> {
  const results = contenders.map((contender) => ({ ...contender, figures: [] as (Figures | undefined)[] }));
  for (let round = 0; round < rounds; round++) {
    for (const { name, run, figures } of results) {
      try {
        figures.push(await run());
      } catch (error) {
        figures.push(undefined);
        process.stdout.write(`  ${name}: ${(error as Error).message}\n`);
      }
    }
  }
  const measured = results.filter(({ figures }) => figures.some((each) => each !== undefined));
  const [first] = measured;
  if (!first) return;
  const columns = Object.keys(first.figures.find((each) => each !== undefined)!);
  const compares = measured.length > 1;
  const rows = [['', ...columns.flatMap((column) => (compares ? [column, 'ratio'] : [column]))]];
  for (const one of measured) {
    const cells = columns.flatMap((column) => {
      const value = shown(median(defined(one.figures.map((each) => each?.[column]))));
      const ratios = one.figures.map(
        (each, i) => each && first.figures[i] && first.figures[i][column]! / each[column]!,
      );
      return compares ? [value, one === first ? '' : shown(median(defined(ratios)))] : [value];
    });
    rows.push([one.name, ...cells]);
  }
  printTable(title, rows);
}

function defined(values: readonly (number | undefined)[]): number[] {
  return values.filter((value) => value !== undefined);
}

export function shown(value: number): string {
  if (!Number.isFinite(value)) return '-';
  return value >= 1000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}
