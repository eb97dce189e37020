const UNITS = ['', 'K', 'M', 'G', 'T'] as const;

/** A number in at most five characters: `0`, `0.5`, `999`, `1.5K`, `123M`; of bytes in units of 1,024. */
export function compact(value: number, step: 1_000 | 1_024 = 1_024): string {
  let size = value;
  let unit = 0;
  while (size >= 999.5 && unit < UNITS.length - 1) {
    size /= step;
    unit += 1;
  }
  const digits = size > 0 && size < 9.95 && (unit > 0 || !Number.isInteger(size)) ? 1 : 0;
  return `${size.toFixed(digits)}${UNITS[unit]}`;
}

/** A rough length of time in at most four characters: `12s`, `59m`, `23h`, `120d`. */
export function compactSpan(ms: number): string {
  const seconds = Math.max(Math.floor(ms / 1000), 0);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

const STEPS = '▁▂▃▄▅▆▇█';

/** The last numbers as a row of bars, one a column, from 0 to the greatest of them. */
export function sparkline(values: readonly number[], columns: number): string {
  const shown = values.slice(-columns);
  const most = Math.max(...shown, 0);
  return shown.map((value) => STEPS[most === 0 ? 0 : Math.round((value / most) * (STEPS.length - 1))]).join('');
}
