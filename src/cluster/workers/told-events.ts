import type { EventEmitter } from 'node:events';
import { isError } from '../../errors.ts';
import type { PairInfo, ServerEvents, SessionInfo } from '../../server/events.ts';
import { errorOf, sentError, type SentError } from './wire.ts';

/** What happens in a worker that its primary is told, where somebody records it: not what happens with each message. */
const TOLD: { readonly [E in keyof ServerEvents]: boolean } = {
  listening: false,
  acceptFailed: true,
  connection: false,
  connectionRefused: true,
  proxyHeaderRefused: true,
  handshakeFailed: true,
  notIdentified: true,
  login: true,
  loginRefused: true,
  left: true,
  ghostReplaced: true,
  releaseFailed: false,
  kicked: true,
  reloaded: false,
  draining: false,
  banned: false,
  unbanned: false,
  message: false,
  forbidden: true,
  malformed: true,
  slowed: true,
  heldBack: true,
  slowConsumer: true,
  stalledConsumer: true,
  shedConsumer: true,
  connectionLost: true,
  request: true,
  requestRefused: true,
  connectId: true,
  halfPaused: true,
  channelLost: true,
  channelEstablished: true,
  channelEnded: true,
  wrongConnectId: true,
  shutOut: true,
  internalError: true,
  workerLost: false,
  nodeJoined: false,
  nodeGone: false,
  fenced: false,
  rejoined: false,
  broker: false,
  eventsLost: false,
};

/** So many are on their way at most; what happens beyond is counted. */
const MAX_UNTOLD = 10_000;

/** An event, as it is sent. */
export interface SentEvent {
  readonly name: string;
  readonly of: readonly SentPart[];
}
type SentPart = { readonly value: unknown } | { readonly error: SentError };

/** Tells what happens from now on, in order; `tell` resolves when it is known. */
export function tellEvents(events: EventEmitter<ServerEvents>, tell: (event: SentEvent) => Promise<unknown>): void {
  let untold = 0;
  let lost = 0;
  const send = (name: string, of: readonly unknown[]): void => {
    untold += 1;
    const onKnown = (): void => {
      untold -= 1;
      if (lost === 0 || untold > MAX_UNTOLD / 2) return;
      const count = lost;
      lost = 0;
      send('eventsLost', [count]);
    };
    tell({ name, of: of.map(sentPart) })
      .catch(() => undefined)
      .finally(onKnown);
  };
  for (const name of Object.keys(TOLD) as (keyof ServerEvents)[]) {
    if (!TOLD[name]) continue;
    events.on(name, (...of: unknown[]) => {
      if (untold < MAX_UNTOLD) send(name, of);
      else lost += 1;
    });
  }
}

/** Emits what another process has told. */
export function emitTold(events: EventEmitter<ServerEvents>, { name, of }: SentEvent): void {
  const parts = of.map((part) => ('error' in part ? errorOf(part.error) : part.value));
  (events.emit as (name: string, ...of: unknown[]) => boolean).call(events, name, ...parts);
}

/** Sessions and the like are copied: what they are made of is for this process alone. */
function sentPart(value: unknown): SentPart {
  if (isError(value)) return { error: sentError(value) };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { value };
  if ('requester' in value) return { value: pairOf(value as PairInfo) };
  return { value: 'remoteAddress' in value ? sessionOf(value as SessionInfo) : value };
}

function sessionOf({ id, login, remoteAddress, longBytes, fingerprint, encrypted }: SessionInfo): SessionInfo {
  return { id, login, remoteAddress, longBytes, fingerprint, encrypted };
}

function pairOf({ requester, target }: PairInfo): PairInfo {
  return {
    requester: { id: requester.id, login: requester.login },
    target: { id: target.id, login: target.login },
  };
}
