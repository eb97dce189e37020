/** The bot runtime, to run bots inside another program. */
export { ChatosError, ERROR_CODES, isChatosError, type ErrorCode, type ErrorFields } from '../errors.ts';
export { BotRuntime, type StopOptions } from './runtime.ts';
export { loadIdentity, type Identity, type IdentityLike, type KeyAndCertificate } from '../net/identity.ts';
export { type BotEntry, type LoggedIn, type RuntimeOptions } from './runtime-options.ts';
export { loadPlugin } from './loading/loader.ts';
export { createModuleLoader, type ModuleLoader } from './loading/module-loader.ts';
export { type Hooks, type LoadedPlugin } from './loading/read-plugin.ts';
export { checkOptions, type OptionProblem } from './loading/plugin-options.ts';
export {
  type AccountStatus,
  type BreakerState,
  type ChannelStatus,
  type IsolationStatus,
  type JobStatus,
  type PluginError,
  type PluginStatus,
  type RuntimeStatus,
  type TimersStatus,
} from './status.ts';
export { type FloodLimits } from './messages/flood-limits.ts';
export { type LoopLimits } from './messages/loop-guard.ts';
export { type BreakerLimits } from './running/circuit-breaker.ts';
export { type Rate } from '../util/token-bucket.ts';
export { type Clock } from '../util/clock.ts';
export { POLICY_DECISIONS, type PolicyDecision, type PolicyOptions, type PolicyRule } from '../policy/policy.ts';
export { type PolicyLimits } from '../policy/limits.ts';
export { type TimeWindowOptions } from '../policy/time-window.ts';
export {
  type ClosedEvent,
  type ConnectedEvent,
  type DecidedEvent,
  type HeardEvent,
  type OfAccount,
  type ReloadedEvent,
  type RequestedEvent,
  type RequestEvent,
  type RuntimeEvent,
  type RuntimeObserver,
  type SaidEvent,
  type StoppingEvent,
} from './events.ts';
