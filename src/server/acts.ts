import { encodePacket } from '../protocol/encoder.ts';
import { loginKey } from '../util/login-key.ts';
import type { ConnectedClient, Member } from './directory.ts';
import type { Hub } from './hub.ts';
import type { Closed, Closing } from './others.ts';

/**
 * A client asks one of this process for a private connection (P9).
 *
 * @param elsewhere how many requests of the client wait in other processes
 */
export function forwardRequest(hub: Hub, requester: ConnectedClient, target: ConnectedClient, elsewhere = 0): void {
  const names = { loginRequester: requester.login, loginTarget: target.login };
  const asked = hub.negotiations.ask(requester, target, elsewhere);
  if (asked === 'forward') target.send({ type: 'REQUEST_PRIVATE', ...names });
  else if (asked === 'full') requester.send({ type: 'KO_PRIVATE', ...names });
}

/** The same for one that another process may have; what waits there counts as what waits here. */
export function requestElsewhere(hub: Hub, requester: ConnectedClient, login: string): void {
  const { events, negotiations, options, others } = hub;
  if (!others) return;
  const waiting = negotiations.madeBy(requester.id) + others.pendingOf(requester.id, loginKey(login));
  if (waiting < options.limits.maxPendingRequests) return others.request(requester, login);
  events.emit('requestRefused', { requester, target: { id: '', login } }, 'too many pending', 'maxPendingRequests');
  requester.send({ type: 'KO_PRIVATE', loginRequester: requester.login, loginTarget: login });
}

/**
 * A client of this process says OK (RFC 3): both get a connect id, or the requester KO. Where the requester is elsewhere,
 * its process counts the id before anyone gets it (P11).
 */
export function acceptRequest({ channels, others }: Hub, requester: ConnectedClient, target: ConnectedClient): void {
  const names = { loginRequester: requester.login, loginTarget: target.login };
  const answer = (connectId: bigint | undefined): void => {
    if (connectId === undefined) return requester.send({ type: 'KO_PRIVATE', ...names });
    for (const party of [requester, target]) party.send({ type: 'ID_PRIVATE', ...names, connectId });
  };
  const channel = channels.create(requester, target);
  if (!channel || !others || !requester.isElsewhere) return answer(channel && channels.grant(channel));
  others
    .countId(channel.id, requester, target.id)
    .then((counted) => answer(channels.grant(channel, counted)))
    .catch(() => undefined);
}

/**
 * A client asks for the end of a channel of this process (P15). The other party must learn whose channel ends before it sees
 * the end: where it is elsewhere, that takes until `sent`.
 */
export function closeChannel(
  hub: Hub,
  by: Member,
  { connectId, loginRequester, loginTarget }: Closing,
): { readonly closed: Closed; readonly sent?: Promise<void> | undefined } {
  const other = hub.channels.close(connectId, by, [loginKey(loginRequester), loginKey(loginTarget)]);
  if (other === 'late') return { closed: 'late' };
  if (!other) return { closed: 'forbidden' };
  const packet = { type: 'ACCEPT_CLOSE_CONNECTION', loginTarget: by.login } as const;
  const member = hub.directory.find(other.login);
  if (member) member.send(packet);
  else hub.others?.tell(other.key, encodePacket(packet));
  const flushed = member?.flush();
  if (!flushed) {
    hub.channels.end(connectId);
    return { closed: 'ending' };
  }
  return { closed: 'ending', sent: flushed.then(() => hub.channels.end(connectId)) };
}
