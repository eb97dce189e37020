import type { Duplex } from 'node:stream';

/** What the listeners of a channel belong to. */
export interface ListenersOwner {
  /** Runs them where it can be told whose they are. */
  within<T>(run: () => T): T;
  /** One of them has thrown. */
  failed(error: unknown): void;
}

/**
 * Has the listeners of a channel run in the name of the plugin that has it, whatever made them run. Where one of them
 * throws, the channel is broken off: nobody would end it any more.
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
