const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** A number of bytes for people: `0 B`, `999 B`, `1.5 MiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 1.0 of the next unit instead of 1024.0.
  while (value >= (unit === 0 ? 1024 : 1023.95) && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** A length of time for people: `0.4 s`, `12 s`, `3:07`, `1:02:07`. */
export function formatDuration(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const two = (n: number) => String(n).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** Seconds as a limit is written, without what calculating has left behind: `2 s`, `1.25 s`, `0.005 s`. */
export function formatSeconds(ms: number): string {
  return `${ms < 1000 ? Math.round(ms) / 1000 : Math.round(ms / 10) / 100} s`;
}

/** A rough length of time for people: `45 s`, `12 min`, `3 h 12 min`, `4 d 3 h`. */
export function formatSpan(ms: number): string {
  const seconds = Math.max(Math.floor(ms / 1000), 0);
  const [minutes, hours] = [60, 3_600].map((unit) => Math.floor(seconds / unit)) as [number, number];
  if (minutes === 0) return `${seconds} s`;
  if (hours === 0) return `${minutes} min`;
  const [big, small] =
    hours < 24 ? [`${hours} h`, `${minutes % 60} min`] : [`${Math.floor(hours / 24)} d`, `${hours % 24} h`];
  return small.startsWith('0 ') ? big : `${big} ${small}`;
}

/** A length of time, all of it: `1 h 30 min`, `1.5 s`. */
export function formatLength(ms: number): string {
  const parts: string[] = [];
  let rest = ms;
  for (const [unit, unitMs] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
  ] as const) {
    const count = Math.floor(rest / unitMs);
    if (count > 0) parts.push(`${count} ${unit}`);
    rest -= count * unitMs;
  }
  return rest > 0 || parts.length === 0 ? [...parts, `${rest / 1000} s`].join(' ') : parts.join(' ');
}

/** A count with its noun: `1 private connection`, `2 private connections`. */
export function pluralize(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

/** A text in the number of a count: `{one|many}` stands for either, and `{s}` for the ending of many. */
export function inNumber(count: number, text: string): string {
  return text.replaceAll(/\{(?:([^{}|]*)\|)?([^{}|]*)\}/g, (_, one: string | undefined, many: string) =>
    count === 1 ? (one ?? '') : many,
  );
}

/** Messages of errors may have any length; this many characters are shown. */
const MAX_MESSAGE_LENGTH = 1_000;

/** Cuts a message that is too long. */
export function truncate(message: string): string {
  return message.length <= MAX_MESSAGE_LENGTH ? message : `${message.slice(0, MAX_MESSAGE_LENGTH)}…`;
}
