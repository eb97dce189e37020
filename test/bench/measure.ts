import { readFileSync } from 'node:fs';

/** The middle one of some figures. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/** Seconds of CPU that a process has used, on Linux; elsewhere NaN. */
export function cpuSeconds(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(')').at(-1)!.trim().split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return NaN;
  }
}

/** Resident memory of a process in MiB, on Linux; elsewhere NaN. */
export function residentMiB(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
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
 * Runs the contenders in turn, several rounds, and prints medians, with the ratio of the first to each other one, taken
 * round by round: figures compare only within one sitting.
 */
export async function compare(title: string, contenders: readonly Contender[], rounds: number): Promise<void> {
  const results = new Map<string, Figures[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, run } of contenders) {
      try {
        results.get(name)!.push(await run());
      } catch (error) {
        process.stdout.write(`  ${name}: ${(error as Error).message}\n`);
      }
    }
  }
  const measured = contenders.filter(({ name }) => results.get(name)!.length > 0);
  const [first] = measured;
  if (!first) return;
  const columns = Object.keys(results.get(first.name)![0]!);
  const rows = [
    ['', ...columns, ...(measured.length > 1 ? columns.map((column) => `${first.name} / it: ${column}`) : [])],
  ];
  for (const { name } of measured) {
    const figures = results.get(name)!;
    const medians = columns.map((column) => shown(median(figures.map((each) => each[column]!))));
    const ratios = columns.map((column) => {
      const pairs = figures.map((each, i) => (results.get(first.name)![i]?.[column] ?? NaN) / each[column]!);
      return name === first.name ? '' : shown(median(pairs));
    });
    rows.push([name, ...medians, ...(measured.length > 1 ? ratios : [])]);
  }
  printTable(title, rows);
}

function shown(value: number): string {
  if (!Number.isFinite(value)) return '-';
  return value >= 1000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}
