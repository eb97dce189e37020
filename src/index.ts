/** What plugins and programs import: the plugin's shape, the client, the server, and the errors. */
export {
  defineBot,
  type BotPlugin,
  type OptionsOf,
  type ScheduledTask,
  type ScheduleMaker,
  type Schedules,
} from './bot/plugin.ts';
export {
  type AskOptions,
  type Awaitable,
  type Context,
  type IncomingRequest,
  type Message,
  type PlainOptions,
} from './bot/context.ts';
export {
  type ArgBase,
  type ArgSpec,
  type ArgSpecs,
  type ArgValue,
  type ArgValues,
  type Command,
  type ExpectedAnswer,
} from './bot/messages/commands.ts';
export {
  type FilteredHandlers,
  type FilteredMessage,
  type MessageFilter,
  type MessageHandler,
} from './bot/messages/message-filter.ts';
export { type Store } from './bot/store/store.ts';
export { type CatchUp, type Overlap, type ScheduleSpec } from './schedule/schedule.ts';
export { type Tick } from './schedule/run-queue.ts';
export { ChatosError, ERROR_CODES, isChatosError, type ErrorCode, type ErrorFields } from './errors.ts';
export { loadPlugin } from './bot/loading/loader.ts';
export { createModuleLoader, type ModuleLoader } from './bot/loading/module-loader.ts';
export { type Hooks, type LoadedPlugin } from './bot/loading/read-plugin.ts';
export { checkOptions, type OptionProblem } from './bot/loading/plugin-options.ts';
export { BotRuntime, type BotEntry, type RuntimeOptions } from './bot/runtime.ts';
export { type LoggedIn } from './bot/account.ts';
export { type BreakerLimits, type BreakerState } from './bot/running/circuit-breaker.ts';
export {
  type ClosedEvent,
  type ConnectedEvent,
  type DecidedEvent,
  type HeardEvent,
  type OfAccount,
  type RequestedEvent,
  type RequestEvent,
  type RuntimeEvent,
  type RuntimeObserver,
  type SaidEvent,
  type StoppingEvent,
} from './bot/events.ts';
export { type FloodLimits } from './bot/messages/flood-limits.ts';
export { type LoopLimits } from './bot/messages/loop-guard.ts';
export { type Rate } from './util/token-bucket.ts';
export {
  type AccountStatus,
  type ChannelStatus,
  type IsolationStatus,
  type JobStatus,
  type PluginError,
  type PluginStatus,
  type RuntimeStatus,
} from './bot/status.ts';
export { type Clock } from './util/clock.ts';
export * from './client/index.ts';
export { type PolicyLimits } from './policy/limits.ts';
export { POLICY_DECISIONS, type PolicyDecision, type PolicyOptions, type PolicyRule } from './policy/policy.ts';
export { type TimeWindowOptions } from './policy/time-window.ts';
export { type CronSpec } from './schedule/cron.ts';
export * from './server/index.ts';
