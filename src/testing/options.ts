import type { BreakerLimits } from '../bot/running/circuit-breaker.ts';
import type { RuntimeObserver } from '../bot/events.ts';
import type { FloodLimits } from '../bot/messages/flood-limits.ts';
import type { LoopLimits } from '../bot/messages/loop-guard.ts';
import type { PolicyOptions } from '../policy/policy.ts';
import type { ServerOptions } from '../server/options.ts';
import type { Logger } from '../util/log.ts';
import type { Instant } from './fake-clock.ts';

/** How a test's network is set up. */
export interface TestNetworkOptions extends ServerOptions {
  /** Width of a LONG on the wire (P1). @default 4 */
  readonly longBytes?: 4 | 8;
  /**
   * What the bots go by. `'fake'` stands still at Monday the 5th of January 2026, 12:00 UTC, `{ start }` at another
   * time, until the test lets time go by with {@link TestNetwork.clock}. @default 'real'
   */
  readonly clock?: 'real' | 'fake' | { readonly start: Instant };
  /** Where the bots' stores are kept. @default a temporary directory, removed when the network stops */
  readonly stateDirectory?: string;
}

/** How a bot is run in a test. */
export interface TestBotOptions {
  /** Who it is. @default the plugin's name */
  readonly login?: string;
  /** What the plugin finds as `ctx.options`, once its schema has seen them. @default {} */
  readonly options?: Readonly<Record<string, unknown>>;
  /** What relative paths in the options are relative to. @default the working directory */
  readonly directory?: string;
  /** Who may have a private connection. @default the plugin's onPrivateRequest decides */
  readonly policy?: PolicyOptions;
  /** What commands begin with. @default '!' */
  readonly commandPrefix?: string;
  /** How fast it may speak; `{}` for the limits of `run`. @default false: a script of a test is faster than a person */
  readonly flood?: Partial<FloodLimits> | false;
  /** When a peer is taken for a bot; `{}` for the limits of `run`. @default false, for the same reason */
  readonly loopGuard?: Partial<LoopLimits> | false;
  /** When it is set aside because it fails. @default the limits of `run` */
  readonly breaker?: Partial<BreakerLimits>;
  /** Where its store is kept. @default that of the network */
  readonly stateDirectory?: string;
  /** Receives what the runtime and the bot log. @default warnings and errors go to standard error */
  readonly log?: Logger;
  /** Receives what the bot hears and says. @default nobody */
  readonly observer?: RuntimeObserver;
}
