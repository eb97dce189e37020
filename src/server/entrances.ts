import type { Address } from '../net/address.ts';
import type { Entrance } from '../net/listen.ts';
import { dispatch } from './handlers.ts';
import type { Hub } from './hub.ts';
import { sourceOf } from './limits/source.ts';
import { Source } from './limits/source-account.ts';
import { newTestId } from './self-test.ts';
import { Session } from './session.ts';

/** A connection has come to an address of the server: what makes a session of it, unless it is refused. */
export function enter(hub: Hub, from: string, listener: Address): Entrance | undefined {
  const { access, closing, connections, events, sources } = hub;
  const source = closing ? 'closing' : (access.mayConnect(from) ?? sources.enter(from, connections));
  if (typeof source === 'string') {
    events.emit('connectionRefused', from, source);
    return undefined;
  }
  const secured = listener.transport === 'tls';
  const admittedBy = access.version;
  const leave = (): void => {
    hub.handshakes -= 1;
    source.unidentified -= 1;
    source.leave();
  };
  if (secured) hub.handshakes += 1;
  return {
    source: source.name,
    onConnection: (transport) => {
      // While its handshake was under way, the operator may have kept it out.
      const late = access.version === admittedBy ? undefined : access.mayConnect(from);
      if (late) {
        leave();
        events.emit('connectionRefused', from, late);
        transport.stream.destroy();
        return;
      }
      if (secured) hub.handshakes -= 1;
      const session = new Session(hub, transport, listener, dispatch, source);
      events.emit('connection', session);
    },
    onHandshakeTime: (ms) => sources.chargeHandshake(source, ms),
    onHandshakeFailed: (why, detail) => {
      leave();
      events.emit('handshakeFailed', from, why, detail);
    },
    onHandshakeBroken: leave,
  };
}

/** The same for a connection of the server's own test, which nothing refuses. */
export function ownEntrance(hub: Hub, listener: Address): Entrance {
  return {
    source: '',
    onConnection: (transport) => {
      const own = new Source(sourceOf(transport.remoteAddress ?? ''), true, () => undefined);
      new Session(hub, transport, listener, dispatch, own, newTestId());
    },
    onHandshakeFailed: () => undefined,
  };
}
