import type { Others } from '../../src/server/others.ts';

const nothing = (): void => undefined;

/** Other processes of a server that there are none of, but for what is given. */
export function nobodyElse(given: Partial<Others>): Others {
  const others: Others = {
    homes: { isHere: () => true, draw: () => 1n },
    hasEnded: false,
    ownId: String,
    attach: nothing,
    holdBack: nothing,
    post: nothing,
    tell: nothing,
    request: nothing,
    pendingOf: () => 0,
    behind: nothing,
    countId: async () => 'counted',
    discountId: nothing,
    close: async () => 'late',
    handOver: () => false,
    unanswered: nothing,
    identified: nothing,
    channelOpened: nothing,
    channelEnded: nothing,
    tellSources: nothing,
    hasChannel: () => false,
  };
  // What is a getter stays one.
  return Object.defineProperties(others, Object.getOwnPropertyDescriptors(given));
}
