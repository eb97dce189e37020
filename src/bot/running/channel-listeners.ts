import type { Duplex } from 'node:stream';

/** What the listeners of a channel belong to. */
export interface ListenersOwner {
  /** Runs them as part of a call. */
  within<T>(run: () => T): T;
  /** One of them threw. */
  failed(error: unknown): void;
}

/**
 * Runs the listeners of a channel as part of its plugin's call, whatever emitted the event. If one of them throws, the
 * channel is aborted, as nothing would end it any more.
 */
export function ownListeners(channel: Duplex, owner: ListenersOwner): void {
  const emit = channel.emit.bind(channel) as (...event: unknown[]) => boolean;
  channel.emit = (...event: unknown[]): boolean => {
    try {
      return owner.within(() => emit(...event));
    } catch (error) {
      owner.failed(error);
      channel.destroy();
      return true;
    }
  };
}
