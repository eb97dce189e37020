/** To test a bot: a server, the bot, and scripted users, in one process. */
export { type Duration } from '../util/duration.ts';
export { FakeClock, type Instant } from './fake-clock.ts';
export { type TestBotOptions, type TestNetworkOptions } from './options.ts';
export { type Link } from './proxy.ts';
export { TestBot, type PluginUnderTest } from './test-bot.ts';
export { TestNetwork } from './test-network.ts';
export { TestUser, type Expected } from './test-user.ts';
