/** A line of a difference: missing now, new, or the same. */
export interface DiffLine<T> {
  readonly sign: '-' | '+' | ' ';
  readonly item: T;
}

/** Beyond so many comparisons, the difference is not the smallest. */
const MAX_COMPARISONS = 4_000_000;

/** The fewest removals and insertions that turn one list into the other. */
export function diffLists<T>(was: readonly T[], is: readonly T[], keyOf: (item: T) => string): DiffLine<T>[] {
  const [a, b] = [was.map(keyOf), is.map(keyOf)];
  const shortest = Math.min(a.length, b.length);
  let start = 0;
  while (start < shortest && a[start] === b[start]) start += 1;
  let [endA, endB] = [a.length, b.length];
  while (Math.min(endA, endB) > start && a[endA - 1] === b[endB - 1]) [endA, endB] = [endA - 1, endB - 1];
  const common = commonLengths(a.slice(start, endA), b.slice(start, endB));

  const same = (item: T): DiffLine<T> => ({ sign: ' ', item });
  const lines = is.slice(0, start).map(same);
  let [i, j] = [start, start];
  while (i < endA || j < endB) {
    if (i < endA && j < endB && a[i] === b[j]) {
      lines.push(same(is[j]!));
      i += 1;
      j += 1;
    } else if (j === endB || (i < endA && common(i + 1 - start, j - start) >= common(i - start, j + 1 - start))) {
      lines.push({ sign: '-', item: was[i]! });
      i += 1;
    } else {
      lines.push({ sign: '+', item: is[j]! });
      j += 1;
    }
  }
  return [...lines, ...is.slice(endB).map(same)];
}

/** The length of the longest common subsequence of what two lists have from two indices on; 0 if they are too long. */
function commonLengths(a: readonly string[], b: readonly string[]): (i: number, j: number) => number {
  const width = b.length + 1;
  if (a.length * width > MAX_COMPARISONS) return () => 0;
  const lengths = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  return at;
}

/** What only one of two collections has, whatever the order. */
export function diffBags<T>(was: readonly T[], is: readonly T[], keyOf: (item: T) => string): DiffLine<T>[] {
  const left = new Map<string, number>();
  for (const item of is) left.set(keyOf(item), (left.get(keyOf(item)) ?? 0) + 1);
  const consume = (item: T): boolean => {
    const count = left.get(keyOf(item)) ?? 0;
    left.set(keyOf(item), count - 1);
    return count > 0;
  };
  const missing = was.filter((item) => !consume(item));
  // Of several equal items, the last ones are the new ones.
  const added = is.toReversed().filter((item) => consume(item));
  return [
    ...missing.map((item): DiffLine<T> => ({ sign: '-', item })),
    ...added.toReversed().map((item): DiffLine<T> => ({ sign: '+', item })),
  ];
}
