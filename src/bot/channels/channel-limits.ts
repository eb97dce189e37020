import type { Channel } from '../../client/channel.ts';
import { ChatosError } from '../../errors.ts';
import type { Clock } from '../../util/clock.ts';
import { formatDuration } from '../../util/printable.ts';
import type { ChannelPlace } from './channel-ledger.ts';

/** Idleness is sampled this often per idle time, so that counting costs nothing per byte. */
const LOOKS_PER_IDLE_TIME = 4;

/**
 * Aborts a channel at the end of its lifetime, or when it has been idle for too long; gives its place back when it has
 * closed.
 */
export function limitChannel(channel: Channel, { limits, release }: ChannelPlace, clock: Clock): void {
  onceClosed(channel, release);
  const { maxLifetimeMs, maxIdleMs } = limits;
  if (channel.destroyed) return;
  const end = (why: string): void => {
    const message = `the private connection with ${channel.peer} ${why}, the longest that the policy allows`;
    channel.destroy(new ChatosError('TIMED_OUT', message, { fields: { peer: channel.peer } }));
  };
  if (maxLifetimeMs !== undefined) {
    const cancel = clock.after(maxLifetimeMs, () => end(`was open for ${formatDuration(maxLifetimeMs)}`));
    channel.once('close', cancel);
  }
  if (maxIdleMs !== undefined) {
    const cancel = watch(channel, maxIdleMs, clock, () => end(`was idle for ${formatDuration(maxIdleMs)}`));
    channel.once('close', cancel);
  }
}

/** Calls back when a channel has closed: at once where it has already. */
export function onceClosed(channel: Channel, run: () => void): void {
  if (channel.destroyed) run();
  else channel.once('close', run);
}

/** Calls back once when a channel has been idle; returns what ends the watch. */
function watch(channel: Channel, maxIdleMs: number, clock: Clock, onIdle: () => void): () => void {
  const bytes = (): number => channel.bytesReceived + channel.bytesSent;
  const pauseMs = Math.ceil(maxIdleMs / LOOKS_PER_IDLE_TIME);
  let seen = bytes();
  let idleMs = 0;
  const look = (): void => {
    idleMs = bytes() === seen ? idleMs + pauseMs : 0;
    seen = bytes();
    if (idleMs >= maxIdleMs) onIdle();
    else cancel = clock.after(pauseMs, look);
  };
  let cancel = clock.after(pauseMs, look);
  return () => cancel();
}
