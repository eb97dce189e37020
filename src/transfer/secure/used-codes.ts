/**
 * Codes that a guess has come for, or that a guess was made of: whoever asks a second time could try one after the other.
 * A code is used up in this process, whatever becomes of the private connection.
 */
const used = new Set<string>();

/** Bots may take codes from anyone: the oldest are forgotten. */
const MAX_USED = 100_000;

/** Uses a code up, for one side; returns whether it was not used up before. */
export function useCode(side: 'requester' | 'target', words: string): boolean {
  const key = `${side} ${words}`;
  if (used.has(key)) return false;
  used.add(key);
  if (used.size > MAX_USED) used.delete(used.values().next().value!);
  return true;
}

/** Whether a code is used up on one side. */
export function isCodeUsed(side: 'requester' | 'target', words: string): boolean {
  return used.has(`${side} ${words}`);
}
