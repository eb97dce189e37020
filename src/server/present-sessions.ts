import type { OpenSession } from './hub.ts';

/** Those that have not left. */
export function present(sessions: Iterable<OpenSession>): OpenSession[] {
  return [...sessions].filter(({ hasLeft }) => !hasLeft);
}

/** The one with this id, unless it has left. */
export function findPresent(sessions: Iterable<OpenSession>, id: string): OpenSession | undefined {
  for (const session of sessions) if (session.id === id) return session.hasLeft ? undefined : session;
  return undefined;
}

/** Those for which most waits, the fullest first, and so many at most; those for which nothing waits are left out. */
export function fullest(sessions: Iterable<OpenSession>, most: number): OpenSession[] {
  return [...sessions]
    .filter(({ queuedBytes }) => queuedBytes > 0)
    .toSorted((one, other) => other.queuedBytes - one.queuedBytes)
    .slice(0, most);
}

/**
 * So many at most: those for which something waits, then those that have sent something last. There may be thousands: what is
 * cheap to know decides which are looked at.
 */
export function busiest(sessions: Iterable<OpenSession>, most: number): OpenSession[] {
  const all = [...sessions];
  if (all.length > most) {
    const keys = new Map(all.map((session) => [session, session.queuedBytes > 0 ? -1 : session.idleMs]));
    all.sort((one, other) => keys.get(one)! - keys.get(other)!);
  }
  return all.slice(0, most);
}
