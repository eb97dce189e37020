import type { BreakerLimits } from '../bot/running/circuit-breaker.ts';
import type { RuntimeObserver } from '../bot/events.ts';
import type { FloodLimits } from '../bot/messages/flood-limits.ts';
import type { LoopLimits } from '../bot/messages/loop-guard.ts';
import type { PolicyOptions } from '../policy/policy.ts';
import type { ServerOptions } from '../server/options.ts';
import type { Logger } from '../util/log.ts';
import { resolveOptions, type OptionTable } from '../util/option-table.ts';
import type { Instant } from './fake-clock.ts';

/** Options of a test network. */
export interface TestNetworkOptions extends Pick<ServerOptions, 'limits' | 'log' | 'lookAlikes' | 'relay'> {
  /** Width of a LONG on the wire (P1). @default 4 */
  readonly longBytes?: 4 | 8;
  /**
   * The clock of the bots. `'fake'` stands still at Monday the 5th of January 2026, 12:00 UTC, `{ start }` at another
   * time, until the test moves it with {@link TestNetwork.clock}. @default 'real'
   */
  readonly clock?: 'real' | 'fake' | { readonly start: Instant };
  /** The folder of the bots' stores. @default a temporary one, removed when the network stops */
  readonly stateDirectory?: string;
}

/** Options of a bot in a test. */
export interface TestBotOptions {
  /** Its login. @default the plugin's name */
  readonly login?: string;
  /** Its options, which its schema checks. @default {} */
  readonly options?: Readonly<Record<string, unknown>>;
  /** The base of relative paths in the options. @default the working directory */
  readonly directory?: string;
  /** Who may have a private connection. @default the plugin's onPrivateRequest decides */
  readonly policy?: PolicyOptions;
  /** What commands begin with. @default '!' */
  readonly commandPrefix?: string;
  /** How fast it may speak; `{}` for the limits of `run`. @default false: a test is faster than a person */
  readonly flood?: Partial<FloodLimits> | false;
  /** When a user counts as a bot; `{}` for the limits of `run`. @default false, for the same reason */
  readonly loopGuard?: Partial<LoopLimits> | false;
  /** When it is suspended because it fails. @default the limits of `run` */
  readonly breaker?: Partial<BreakerLimits>;
  /** The folder of its store. @default that of the network */
  readonly stateDirectory?: string;
  /** Receives the log of the runtime and the bot. @default warnings and errors go to standard error */
  readonly log?: Logger;
  /** Receives the bot's events. @default none */
  readonly observer?: RuntimeObserver;
}

const any = { kind: 'any', default: undefined } as const;
const text = { kind: 'text', default: undefined } as const;

/** What is the server's is checked by the server. */
export const NETWORK_OPTIONS: OptionTable<TestNetworkOptions> = {
  limits: any,
  log: any,
  lookAlikes: any,
  relay: any,
  longBytes: { kind: 'choice', of: [4, 8], default: 4 },
  clock: { kind: 'any', default: 'real' },
  stateDirectory: text,
};

/** The others are checked by the runtime. */
export const BOT_OPTIONS: OptionTable<TestBotOptions> = {
  login: text,
  options: { kind: 'any', default: {} },
  directory: text,
  policy: any,
  commandPrefix: any,
  flood: { kind: 'any', default: false },
  loopGuard: { kind: 'any', default: false },
  breaker: any,
  stateDirectory: text,
  log: any,
  observer: any,
};

/**
 * How long something may take, in milliseconds.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where it is not a time, or the options have another key
 */
export function resolveTimeout(what: string, options: { timeoutMs?: number } | undefined, defaultMs: number): number {
  const table = { timeoutMs: { kind: 'ms', default: defaultMs } } as const;
  return resolveOptions<{ timeoutMs: number }>(what, options, table).timeoutMs;
}
