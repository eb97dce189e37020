import type { Channel } from '../../client/channel.ts';
import { ChatosError } from '../../errors.ts';
import type { PolicyLimits } from '../../policy/limits.ts';
import type { Clock } from '../../util/clock.ts';
import { formatDuration } from '../../util/printable.ts';

/** Idleness is sampled this often per idle time, so that counting costs nothing per byte. */
const LOOKS_PER_IDLE_TIME = 4;

/** Aborts a channel at the end of its lifetime, or when it has been idle for too long. */
export function limitChannel(channel: Channel, limits: PolicyLimits, clock: Clock): void {
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
    else cancel = clock.after(Math.min(pauseMs, maxIdleMs - idleMs), look);
  };
  let cancel = clock.after(pauseMs, look);
  return () => cancel();
}
