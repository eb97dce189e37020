/** To test a bot: a server, the bot, and scripted users, in one process. */
export { TestNetwork, type TestBotOptions } from './test-network.ts';
export { TestUser, type Expected } from './test-user.ts';
