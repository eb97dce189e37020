import type { Backoff } from '../client/backoff.ts';
import type { OpenHalf } from '../client/half.ts';
import { DEFAULT_HEARTBEAT_MS } from '../client/heartbeat.ts';
import { ChatosError } from '../errors.ts';
import type { Address, AddressLike } from '../net/address.ts';
import type { IdentityLike } from '../net/identity.ts';
import type { PolicyOptions } from '../policy/policy.ts';
import { SYSTEM_CLOCK, type Clock } from '../util/clock.ts';
import { SILENT_LOGGER, type Logger } from '../util/log.ts';
import { resolveOptions, type OptionTable } from '../util/option-table.ts';
import type { ChannelLedger } from './channels/channel-ledger.ts';
import type { RuntimeObserver } from './events.ts';
import type { LoadedPlugin } from './loading/read-plugin.ts';
import { COMMAND_PREFIX, DEFAULT_COMMAND_PREFIX, EXPECTED_PREFIX } from './plugin/commands.ts';
import { resolveFloodLimits, type FloodLimits } from './messages/flood-limits.ts';
import { resolveLoopLimits, type LoopLimits } from './messages/loop-guard.ts';
import { Activity } from './running/activity.ts';
import type { AccountStatus } from './status.ts';
import type { StoreBackend } from './store/store-backend.ts';
import { resolveBreakerLimits, type BreakerLimits } from './running/circuit-breaker.ts';

/** A plugin, and where and as whom it runs. */
export interface BotEntry {
  /** What runs: see {@link loadPlugin}. */
  readonly plugin: LoadedPlugin;
  /** Where it logs in; of several addresses, at the first that lets it in: see {@link ClientOptions.server}. */
  readonly server: AddressLike | readonly AddressLike[];
  /** Who it is there. @default the plugin's name */
  readonly login?: string | undefined;
  /** Who it is for a `tls://` server, in PEM: certificate and private key, in one text or two. @default nobody in particular */
  readonly identity?: IdentityLike | undefined;
  /** Handed to the plugin as `ctx.options`, unchecked: see {@link checkOptions}. @default {} */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  /** What relative paths in the options are relative to. @default the working directory */
  readonly directory?: string | undefined;
  /**
   * Where it runs in a worker: then nothing of its `plugin` but the name counts.
   *
   * @internal
   */
  readonly isolated?: WorkerBot | undefined;
  /**
   * When it ended, if it has run before: what its schedules have missed since is made up for.
   *
   * @internal
   */
  readonly since?: Date | undefined;
}

/** How a bot in a worker runs: what of an entry and of a runtime's options is plain data. */
export interface WorkerBotStart
  extends
    Pick<BotEntry, 'identity' | 'directory' | 'since'>,
    Pick<RuntimeOptions, 'standby' | 'backoff' | 'heartbeatMs' | 'commandPrefix' | 'flood' | 'loopGuard' | 'breaker'> {
  readonly server: readonly Address[];
  readonly login: string;
  /** Whether the main thread wants its events. */
  readonly isObserved: boolean;
}

/** What a bot in a worker shares with the other bots. */
export interface SharedServices {
  readonly ledger: ChannelLedger;
  readonly observer: RuntimeObserver;
  openStore(): StoreBackend;
  onLogin(names: readonly string[], server: Address): void;
}

/** A bot that runs in a worker, as its runtime sees it. */
export interface WorkerBot {
  /** Resolves when its account has ended by itself, with the error that it gave up on. */
  readonly failed: Promise<ChatosError>;
  readonly channelCount: number;
  readonly status: AccountStatus;
  /** Settles how it runs. */
  prepare(start: WorkerBotStart, shared: SharedServices): void;
  /** Logs it in. @throws {ChatosError} `LOGIN_REFUSED` if the login is taken */
  start(): Promise<void>;
  /** Puts the version that it has loaded last in the place of what runs. */
  reload(timeoutMs: number): Promise<void>;
  stop(timeoutMs: number): Promise<void>;
  abort(): void;
}

/** An account that has just logged in, and its plugins. */
export interface LoggedIn {
  /** The names of its plugins. */
  readonly names: readonly string[];
  /** Who it is. */
  readonly login: string;
  /** Where it is: of several addresses, this one. */
  readonly server: Address;
}

/** What a runtime shares with others of its process, or has another thread do. */
export interface RuntimeHost {
  /** Counts what the limits of the policy are about. */
  readonly ledger: ChannelLedger;
  /** Opens the connections of channels. @default as the client does */
  readonly openHalf?: OpenHalf;
  /** Where the entries of a store are kept. @default in a folder of the state directory */
  readonly openStore?: () => StoreBackend;
}

/** How a {@link BotRuntime} runs its plugins. */
export interface RuntimeOptions {
  /** Who may have a private connection. @default each plugin's `onPrivateRequest` decides */
  readonly policy?: PolicyOptions | undefined;
  /** Wait where a login is taken, and take over when it is free. @default false */
  readonly standby?: boolean | undefined;
  /** The pauses before a lost connection is made again. @default as {@link Backoff} */
  readonly backoff?: Partial<Backoff> | undefined;
  /**
   * After how much silence in milliseconds a server is asked for a sign of life; within three times that, a connection
   * without one is given up and made again. `Infinity` is for never. @default 15000
   */
  readonly heartbeatMs?: number | undefined;
  /** What commands begin with. @default '!' */
  readonly commandPrefix?: string | undefined;
  /** How fast each account may speak; `false` for no limits. @default {@link DEFAULT_FLOOD_LIMITS} */
  readonly flood?: Partial<FloodLimits> | false | undefined;
  /** When a user counts as a bot that answers every answer; `false` for never. @default {@link DEFAULT_LOOP_LIMITS} */
  readonly loopGuard?: Partial<LoopLimits> | false | undefined;
  /** When a plugin that fails is suspended. @default {@link DEFAULT_BREAKER_LIMITS} */
  readonly breaker?: Partial<BreakerLimits> | undefined;
  /** Where the plugins' stores are kept. @default '.chatosbot' in the working directory */
  readonly stateDirectory?: string | undefined;
  /** Receives what is logged. @default nothing is logged */
  readonly log?: Logger | undefined;
  /** Drives schedules, time-outs and limits. @default the machine's own */
  readonly clock?: Clock | undefined;
  /** Called each time that an account has logged in. */
  readonly onLogin?: ((account: LoggedIn) => void) | undefined;
  /** Receives what the accounts hear and say. */
  readonly observer?: RuntimeObserver | undefined;
  /**
   * Counts what is in progress; several runtimes may share one.
   *
   * @internal
   */
  readonly activity?: Activity | undefined;
  /**
   * Others of the process that it shares things with.
   *
   * @internal
   */
  readonly host?: RuntimeHost | undefined;
}

type Given = { readonly [Key in keyof RuntimeOptions]-?: Exclude<RuntimeOptions[Key], undefined> };

/** The options in force; without a `loopGuard`, loops are not guarded against. */
export interface ResolvedRuntimeOptions
  extends Omit<Given, 'policy' | 'flood' | 'loopGuard' | 'breaker' | 'host'>, Pick<RuntimeOptions, 'policy' | 'host'> {
  readonly flood: FloodLimits;
  readonly loopGuard: LoopLimits | undefined;
  readonly breaker: BreakerLimits;
}

export const UNOBSERVED: RuntimeObserver = () => undefined;

const RUNTIME_OPTIONS: OptionTable<RuntimeOptions> = {
  policy: { kind: 'any', default: undefined },
  standby: { kind: 'boolean', default: false },
  backoff: { kind: 'any', default: {} },
  heartbeatMs: { kind: 'ms', min: 1, default: DEFAULT_HEARTBEAT_MS },
  commandPrefix: { kind: 'text', default: DEFAULT_COMMAND_PREFIX },
  flood: { kind: 'any', default: {} },
  loopGuard: { kind: 'any', default: {} },
  breaker: { kind: 'any', default: {} },
  stateDirectory: { kind: 'text', default: '.chatosbot' },
  log: { kind: 'logger', default: SILENT_LOGGER },
  clock: { kind: 'any', default: SYSTEM_CLOCK },
  onLogin: { kind: 'function', default: () => undefined },
  observer: { kind: 'function', default: UNOBSERVED },
  activity: { kind: 'any', default: undefined },
  host: { kind: 'any', default: undefined },
};

/** @throws {ChatosError} `INVALID_ARGUMENT` where a key is unknown or a value invalid */
export function resolveRuntimeOptions(given?: RuntimeOptions): ResolvedRuntimeOptions {
  const options = resolveOptions('runtime options', given, RUNTIME_OPTIONS) as Given;
  const { commandPrefix, stateDirectory, flood, loopGuard, breaker } = options;
  const problem =
    (stateDirectory === '' && 'stateDirectory: expected a directory, found an empty text') ||
    (!COMMAND_PREFIX.test(commandPrefix) && `commandPrefix: ${EXPECTED_PREFIX}`);
  if (problem) throw new ChatosError('INVALID_ARGUMENT', `runtime options: ${problem}`);
  return {
    ...options,
    flood: resolveFloodLimits(flood),
    loopGuard: loopGuard === false ? undefined : resolveLoopLimits(loopGuard),
    breaker: resolveBreakerLimits(breaker),
    activity: given?.activity ?? new Activity(),
  };
}
