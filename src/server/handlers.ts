import { loginKey } from '../util/login-key.ts';
import type { Packet, PacketOf, PacketType } from '../protocol/packets.ts';
import type { Hub } from './hub.ts';
import { EVERYONE } from './limits/readers.ts';
import { acceptRequest, closeChannel, forwardRequest, requestElsewhere } from './acts.ts';
import type { Session } from './session.ts';

type Handler<T extends PacketType> = (hub: Hub, session: Session, packet: PacketOf<T>, frame: () => Buffer) => void;

const NOT_THEIRS = 'not a channel of theirs';

/** What a server does with each packet it receives. */
const HANDLERS: { readonly [T in PacketType]: Handler<T> } = {
  LOGIN(_hub, session, { login }) {
    const problem = session.problemOf(login);
    if (problem === undefined) session.identify(login);
    else session.refuseLogin(login, { why: problem });
  },

  MESSAGE(hub, session, packet, frame) {
    if (!session.is(packet.login)) return session.forbid(packet, 'the sender is not the session');
    hub.events.emit('message', session, undefined, packet.msg);
    session.post(frame());
    session.sentTo(EVERYONE);
  },

  MESSAGE_PRIVATE(hub, session, packet, frame) {
    if (!session.is(packet.loginSender)) return session.forbid(packet, 'the sender is not the session');
    hub.events.emit('message', session, packet.loginTarget, packet.msg);
    // The frame is a view of what was just read: what waits in a queue must be a copy.
    const target = hub.directory.find(packet.loginTarget);
    if (!target) return hub.others?.tell(loginKey(packet.loginTarget), frame());
    target.sendBytes(Buffer.from(frame()));
    session.sentTo(target.id);
  },

  REQUEST_PRIVATE(hub, session, packet) {
    if (!session.is(packet.loginRequester)) return session.forbid(packet, 'the requester is not the session');
    const target = hub.directory.find(packet.loginTarget);
    if (target?.id === session.id) return;
    if (!target || target.isElsewhere) requestElsewhere(hub, session, packet.loginTarget);
    else forwardRequest(hub, session, target, hub.others?.pendingOf(session.id, target.key));
  },

  OK_PRIVATE(hub, session, packet) {
    const requester = takeAnswer(hub, session, packet);
    if (requester) acceptRequest(hub, requester, session);
  },

  KO_PRIVATE(hub, session, packet) {
    const requester = takeAnswer(hub, session, packet);
    if (!requester) return;
    requester.send({ type: 'KO_PRIVATE', loginRequester: requester.login, loginTarget: session.login });
    hub.events.emit('requestRefused', { requester, target: session }, 'refused');
  },

  LOGIN_PRIVATE(_hub, session, packet) {
    if (!session.fresh) session.forbid(packet, 'not the first packet of its connection');
    else session.becomeHalf(packet.connectId);
  },

  CLOSE_CONNECTION(hub, session, packet) {
    const { others } = hub;
    if (!others || others.homes.isHere(packet.connectId)) {
      if (closeChannel(hub, session, packet).closed === 'forbidden') session.forbid(packet, NOT_THEIRS);
      return;
    }
    others
      .close(session, packet)
      .then((closed) => void (closed === 'forbidden' && session.forbid(packet, NOT_THEIRS)))
      .catch(() => undefined);
  },

  LOGIN_ACCEPTED: serverOnly,
  LOGIN_REFUSED: serverOnly,
  ID_PRIVATE: serverOnly,
  ESTABLISHED: serverOnly,
  ACCEPT_CLOSE_CONNECTION: serverOnly,
};

/** Handles a packet. A session that is not identified may send LOGIN and LOGIN_PRIVATE only. */
export function dispatch(hub: Hub, session: Session, packet: Packet, frame: () => Buffer): void {
  if (!session.identified && packet.type !== 'LOGIN' && packet.type !== 'LOGIN_PRIVATE') {
    session.forbid(packet, 'not identified yet');
  } else {
    (HANDLERS[packet.type] as Handler<PacketType>)(hub, session, packet, frame);
  }
}

function serverOnly(_hub: Hub, session: Session, packet: PacketOf<PacketType>): void {
  session.forbid(packet, 'only a server sends it');
}

/** The requester who waits for this answer. An answer to nothing is forbidden; one that comes late is just dropped. */
function takeAnswer(hub: Hub, session: Session, packet: PacketOf<'OK_PRIVATE' | 'KO_PRIVATE'>) {
  if (!session.is(packet.loginTarget)) {
    session.forbid(packet, 'the target is not the session');
    return undefined;
  }
  const answered = hub.negotiations.answer(loginKey(packet.loginRequester), session);
  if (!answered) session.forbid(packet, 'no such request is pending');
  return answered?.requester;
}
