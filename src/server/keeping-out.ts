import { fingerprintOf } from '../net/fingerprint.ts';
import type { Ban } from './access/bans.ts';
import type { Hub, OpenSession } from './hub.ts';
import { present } from './present-sessions.ts';

/** Ends a session, and the private connections of its login, by an operator's wish. */
export function kick(hub: Hub, session: OpenSession, why: string): void {
  const channels = hub.channels.breakOf(({ id, key }) => id === session.id || key === session.key);
  hub.events.emit('kicked', session, why, channels);
  session.kick();
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
  const broken = channels.breakOf(
    ({ login, remoteAddress: from, fingerprint }) => isOut({ login, from, fingerprint }),
    ({ remoteAddress: from = '', certificate }) =>
      isOut({ login: '', from, fingerprint: certificate && fingerprintOf(certificate) }),
  );
  events.emit('banned', ban, hit.length, broken);
  for (const session of hit) kick(hub, session, 'banned');
  return { sessions: hit.length, channels: broken };
}
