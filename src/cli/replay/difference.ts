/** A line of a difference: missing now, new, or the same. */
export interface DiffLine<T> {
  readonly sign: '-' | '+' | ' ';
  readonly item: T;
}

/** Beyond so many comparisons, everything that differs is reported as a whole. */
const MAX_COMPARISONS = 4_000_000;

/** The fewest removals and insertions that turn one list into the other. */
export function diffLists<T>(was: readonly T[], is: readonly T[], keyOf: (item: T) => string): DiffLine<T>[] {
  const a = was.map(keyOf);
  const b = is.map(keyOf);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let [endA, endB] = [a.length, b.length];
  while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) {
    endA -= 1;
    endB -= 1;
  }
  const lines = (sign: DiffLine<T>['sign'], items: readonly T[]): DiffLine<T>[] =>
    items.map((item) => ({ sign, item }));
  return [
    ...lines(' ', is.slice(0, start)),
    ...diffMiddle(a, b, [start, endA], [start, endB]).map(({ sign, item }) => ({
      sign,
      item: sign === '-' ? was[item]! : is[item]!,
    })),
    ...lines(' ', is.slice(endB)),
  ];
}

/** By the longest common subsequence; the items are indices, into `a` for what is missing, else into `b`. */
function diffMiddle(
  a: readonly string[],
  b: readonly string[],
  [startA, endA]: readonly [number, number],
  [startB, endB]: readonly [number, number],
): DiffLine<number>[] {
  const width = endB - startB + 1;
  const range = (sign: '-' | '+', start: number, end: number): DiffLine<number>[] =>
    Array.from({ length: end - start }, (_, index) => ({ sign, item: start + index }));
  if ((endA - startA) * width > MAX_COMPARISONS) return [...range('-', startA, endA), ...range('+', startB, endB)];
  // The length of the longest common subsequence from (i, j) on.
  const lengths = new Uint32Array((endA - startA + 1) * width);
  const at = (i: number, j: number): number => lengths[(i - startA) * width + j - startB] ?? 0;
  for (let i = endA - 1; i >= startA; i -= 1) {
    for (let j = endB - 1; j >= startB; j -= 1) {
      const length = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
      lengths[(i - startA) * width + j - startB] = length;
    }
  }
  const lines: DiffLine<number>[] = [];
  let [i, j] = [startA, startB];
  while (i < endA && j < endB) {
    if (a[i] === b[j]) {
      lines.push({ sign: ' ', item: j });
      i += 1;
      j += 1;
    } else if (at(i + 1, j) >= at(i, j + 1)) {
      lines.push({ sign: '-', item: i });
      i += 1;
    } else {
      lines.push({ sign: '+', item: j });
      j += 1;
    }
  }
  return [...lines, ...range('-', i, endA), ...range('+', j, endB)];
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
