import type { PolicyFacts } from '../../src/policy/decide.ts';

/** Alice asks the bot echo, which has both hooks; nothing else goes on. */
export function facts(different: Partial<PolicyFacts> = {}): PolicyFacts {
  return {
    from: 'alice',
    bot: 'echo',
    at: new Date('2026-03-03T12:00:00Z'),
    hasChannelHook: true,
    hasRequestHook: true,
    channels: { total: 0, peer: 0, bot: 0 },
    requestsInLastMinute: 0,
    ...different,
  };
}
