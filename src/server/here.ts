import { closeChannel, forwardRequest } from './acts.ts';
import { Relay } from './channels/relay.ts';
import { ownEntrance } from './entrances.ts';
import type { Hub } from './hub.ts';
import { breakChannels, kick } from './keeping-out.ts';
import { EVERYONE } from './limits/readers.ts';
import type { Here } from './others.ts';
import { findPresent } from './present-sessions.ts';

/** A server, as its other processes ask it. */
export function hereOf(hub: Hub): Here {
  const { broadcast, carriers, channels, events, negotiations, readers, slowing, sources } = hub;
  return {
    post(frame, from) {
      broadcast.post(frame, from);
      carriers.brought(EVERYONE, frame.length, from);
    },
    tell(client, frame, from) {
      client.sendBytes(frame);
      carriers.brought(client.id, frame.length, from);
    },
    requested: (requester, target) => forwardRequest(hub, requester, target),
    left(id) {
      negotiations.leave(id);
      readers.forget(id);
    },
    behind: (client, isBehind) => readers.set(client, isBehind),
    abandoned(requester, target) {
      requester.send({ type: 'KO_PRIVATE', loginRequester: requester.login, loginTarget: target.login }, true);
      events.emit('requestRefused', { requester, target }, 'left');
    },
    async close(by, closing) {
      const { closed, sent } = closeChannel(hub, by, closing);
      await sent;
      return closed;
    },
    countId: (process, id, isAlive) => channels.countElsewhere(process, id, isAlive),
    discountId: (connectId) => channels.discountElsewhere(connectId),
    enter: (connectId, { transport, rest, comer }) =>
      channels.enter(connectId, transport, rest, comer, sources.adopt(comer.remoteAddress)),
    relay(one, other, onDone) {
      const { limits, relay: mode } = hub.options;
      const { closeGraceMs } = limits;
      // The worker where the channel is sees to its limits, and greets.
      const greeting = Buffer.alloc(0);
      const channelIdleMs = Infinity;
      return new Relay(one, other, { mode, greeting, channelIdleMs, closeGraceMs, receivers: hub.receivers, onDone });
    },
    unanswered: (session, address) => channels.unanswered(session, address),
    sources: () => sources.news(),
    hear(process, news) {
      for (const each of news) {
        sources.hear(process, each, (source) => slowing.chargeElsewhere(source, each.messages, each.bytes));
      }
    },
    gone(process) {
      sources.forgetElsewhere(process);
      channels.forgetElsewhere(process);
    },
    channelEnded: (pair) => hub.onChannelElsewhere?.(pair),
    kick(id, why, elsewhere) {
      const session = findPresent(hub.sessions, id);
      if (session) kick(hub, session, why, elsewhere);
      return session !== undefined;
    },
    breakChannels: (kicked) => breakChannels(hub, kicked),
    ownEntrance: (listener) => ownEntrance(hub, listener),
  };
}
