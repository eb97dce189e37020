/** What a bot imports: the shape of a plugin, what its hooks are given, and the errors. */
export {
  defineBot,
  type After,
  type Before,
  type BotPlugin,
  type HandledMessage,
  type OptionsOf,
  type ScheduledTask,
  type ScheduleMaker,
  type Schedules,
  type TimerHandler,
} from './bot/plugin/plugin.ts';
export {
  type AskOptions,
  type Awaitable,
  type Beginning,
  type Context,
  type FiredTimer,
  type IncomingRequest,
  type Message,
  type PlainOptions,
  type ScheduleHandle,
  type SleepOptions,
  type Timer,
} from './bot/plugin/context.ts';
export {
  type ArgBase,
  type ArgSpec,
  type ArgSpecs,
  type ArgValue,
  type ArgValues,
  type Command,
  type Cooldown,
  type Example,
  type ExpectedAnswer,
  type TextArg,
} from './bot/plugin/commands.ts';
export {
  defineDialogue,
  type Answered,
  type AnswerSpec,
  type AnswerValue,
  type Dialogue,
  type DialogueEnd,
  type DialogueSpec,
  type DialogueStep,
  type EndedDialogue,
} from './bot/plugin/dialogue.ts';
export {
  type FilteredHandlers,
  type FilteredMessage,
  type MessageFilter,
  type MessageHandler,
} from './bot/plugin/message-filter.ts';
export { Channel, type ChannelRole } from './client/channel.ts';
export { type RequestOptions } from './client/options.ts';
export { type EntriesOptions, type Store } from './bot/store/store.ts';
export { type CronSpec } from './schedule/cron.ts';
export { type CatchUp, type Overlap, type ScheduleSpec } from './schedule/schedule.ts';
export { type Tick } from './schedule/run-queue.ts';
export { type Duration } from './util/duration.ts';
export { type LogFields, type Logger } from './util/log.ts';
export { ChatosError, ERROR_CODES, isChatosError, type ErrorCode, type ErrorFields } from './errors.ts';
export * from './bot/index.ts';
export * from './client/index.ts';
export * from './server/index.ts';
