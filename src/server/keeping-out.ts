import { fingerprintOf } from '../net/fingerprint.ts';
import { Tally } from '../util/tally.ts';
import type { Ban } from './access/bans.ts';
import type { Hub, OpenSession } from './hub.ts';
import { present } from './present-sessions.ts';

/**
 * Ends a session, and the private connections of its login, by an operator's wish.
 *
 * @param elsewhere how many of them other processes have ended
 */
export function kick(hub: Hub, session: OpenSession, why: string, elsewhere = 0): void {
  const channels = breakChannels(hub, session);
  hub.events.emit('kicked', session, why, channels + elsewhere);
  session.kick();
}

/** Breaks the private connections of a login, and returns how many were established. */
export function breakChannels({ channels }: Hub, kicked: Pick<OpenSession, 'id' | 'key'>): number {
  return channels.breakOf(({ id, key }) => id === kicked.id || key === kicked.key).length;
}

/** Keeps somebody out from now on, and ends the sessions and private connections that are hit. Throws as `Bans.add` does. */
export function keepOut(hub: Hub, ban: Ban): { readonly sessions: number; readonly channels: number } {
  const { access, channels, events, sessions } = hub;
  access.bans.add(ban);
  access.noteChange();
  // Of thousands of sessions and bans, each pair would take seconds: the other bans have hit whom they hit.
  const isOut = access.testOf(ban);
  const hit = present(sessions).filter(({ login, remoteAddress: from, fingerprint }) =>
    isOut({ login, from, fingerprint }),
  );
  // Nor is there time to look at all private connections for each session.
  const keys = new Set(hit.map(({ key }) => key));
  const broken = channels.breakOf(
    ({ key, login, remoteAddress: from, fingerprint }) => keys.has(key) || isOut({ login, from, fingerprint }),
    ({ remoteAddress: from = '', certificate }) =>
      isOut({ login: '', from, fingerprint: certificate && fingerprintOf(certificate) }),
  );
  const ofKey = new Tally<string>();
  for (const { requester, target } of broken) for (const key of new Set([requester.key, target.key])) ofKey.add(key);
  events.emit('banned', ban, hit.length, broken.length);
  for (const session of hit) {
    events.emit('kicked', session, 'banned', ofKey.get(session.key));
    session.kick();
  }
  return { sessions: hit.length, channels: broken.length };
}
