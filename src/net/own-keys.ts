/**
 * Keys of servers in this process, by the keys that they had before: its own clients, which know a server by its pin, follow
 * it when its certificate is replaced. Nobody else can have such a key.
 */
const current = new Map<string, string>();

/** A server of this process has another key from now on. Both are fingerprints. */
export function replaceOwnKey(old: string, next: string): void {
  if (old === next) return;
  for (const [before, after] of current) if (after === old) current.set(before, next);
  current.set(old, next);
  current.delete(next);
}

/** The key that a server has now which was known by this pin. */
export function currentKey(pin: string): string {
  return current.get(pin) ?? pin;
}
