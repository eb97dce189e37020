/** What plugins and programs import: the plugin's shape, the client, the server, and the errors. */
export { ChatosError, ERROR_CODES, isChatosError, type ErrorCode, type ErrorFields } from './errors.ts';
export { type OpenChannel } from './bot/channel-ledger.ts';
export { loadPlugin, createModuleLoader, type LoadedPlugin, type ModuleLoader } from './bot/loader.ts';
export { defineBot, type Bot, type BotPlugin, type IncomingRequest, type Message } from './bot/plugin.ts';
export { BotRuntime, type BotEntry, type RuntimeOptions } from './bot/runtime.ts';
export * from './client/index.ts';
export { type PolicyLimits } from './policy/limits.ts';
export { type PolicyDecision, type PolicyOptions, type PolicyRule } from './policy/policy.ts';
export { type CronSpec } from './schedule/cron.ts';
export * from './server/index.ts';
