/** A pattern in which `*` stands for any characters and `?` for one, ready to be compared with many texts. */
export class Glob {
  /** What is to be found as it stands, and, at odd places, the wildcards between. */
  readonly #parts: readonly string[];
  /** Its letters and wildcards, where there is a `?`. */
  readonly #letters: readonly string[] | undefined;

  constructor(pattern: string) {
    this.#parts = pattern.split(/([*?])/);
    if (pattern.includes('?')) this.#letters = Array.from(pattern);
  }

  /** Whether a text matches. At worst, the time is proportional to the product of the two lengths. */
  matches(text: string): boolean {
    return hasParts(this.#parts, text) && (!this.#letters || walk(this.#letters, Array.from(text)));
  }
}

/**
 * Whether a text has all parts in their order, the first one at its beginning and the last one at its end; at odd places are
 * wildcards. Where all of those are stars, it matches then; else, it may. To walk through both takes a hundred times longer.
 */
export function hasParts(parts: readonly string[], text: string): boolean {
  const first = parts[0]!;
  if (parts.length === 1) return text === first;
  const last = parts.at(-1)!;
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  for (let index = 2; index < parts.length - 1; index += 2) {
    const found = text.indexOf(parts[index]!, at);
    if (found < 0) return false;
    at = found + parts[index]!.length;
  }
  return at <= text.length - last.length;
}

function walk(glob: readonly string[], text: readonly string[]): boolean {
  let g = 0;
  let t = 0;
  let star = -1;
  let starMatchedTo = 0;
  while (t < text.length) {
    if (glob[g] === '*') {
      star = g++;
      starMatchedTo = t;
    } else if (g < glob.length && (glob[g] === '?' || glob[g] === text[t])) {
      g += 1;
      t += 1;
    } else if (star >= 0) {
      g = star + 1;
      t = ++starMatchedTo;
    } else {
      return false;
    }
  }
  while (glob[g] === '*') g += 1;
  return g === glob.length;
}
