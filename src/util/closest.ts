/** The word of the list that differs in at most a third of its letters, if any. */
export function closest(word: string, words: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of words) {
    const most = Math.max(1, Math.floor(candidate.length / 3));
    // Not close, and slow to compare.
    if (Math.abs(word.length - candidate.length) > most) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance && distance <= most && distance < candidate.length) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/**
 * The message for an unknown key.
 *
 * @param page where the known ones are listed, if they are too many for a line
 */
export function unknownKey(key: string, known: readonly string[], page?: string): string {
  const suggestion = closest(key, known);
  const all = page === undefined ? `expected one of ${known.join(', ')}` : `${page} lists those that there are`;
  return `unknown key '${key}'; ${suggestion === undefined ? all : `did you mean '${suggestion}'?`}`;
}

/** The messages for the unknown keys of an object. */
export function unknownKeys(object: object, known: readonly string[]): string[] {
  return Object.keys(object).flatMap((key) => (known.includes(key) ? [] : unknownKey(key, known)));
}

/** How many letters are added, dropped, changed or swapped with the next one. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + change);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) next[j] = Math.min(next[j]!, before[j - 2]! + 1);
    }
    before = row;
    row = next;
  }
  return row[b.length]!;
}
