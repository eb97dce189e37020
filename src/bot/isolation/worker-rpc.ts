import type { MessagePort } from 'node:worker_threads';
import type { Address } from '../../net/address.ts';
import type { PolicyLimits } from '../../policy/limits.ts';
import type { LineLevel, LogFields } from '../../util/log.ts';
import type { Admission, Admitted, ChannelParties } from '../channels/channel-ledger.ts';
import type { PlainOptions } from '../plugin/context.ts';
import type { RuntimeEvent } from '../events.ts';
import type { OptionProblem } from '../loading/plugin-options.ts';
import type { BotEntry, RuntimeOptions } from '../runtime-options.ts';
import type { AccountStatus } from '../status.ts';
import type { StoreUsage } from '../store/format.ts';
import type { PageRange } from '../store/store-backend.ts';
import type { Write } from '../store/writer.ts';
import type { SerializedError } from './serialized-error.ts';

/** What a worker is started with. */
export interface WorkerStart {
  readonly port: MessagePort;
  /** Of a {@link Pulse}. */
  readonly pulse: SharedArrayBuffer;
  readonly beatIntervalMs: number;
}

/** What the main thread learns of a plugin. */
export interface LoadedBot {
  readonly name: string;
  /** What its schema refuses in its options. */
  readonly problems: readonly OptionProblem[];
}

/** How a bot runs: what of an entry and of a runtime's options is plain data. */
export interface BotStart
  extends
    Pick<BotEntry, 'server' | 'login' | 'directory' | 'since'>,
    Pick<RuntimeOptions, 'standby' | 'backoff' | 'commandPrefix' | 'flood' | 'loopGuard' | 'breaker'> {
  /** Whether the main thread wants its events. */
  readonly isObserved: boolean;
}

/** What the main thread calls in the worker. */
export interface WorkerCalls {
  /** Loads the plugin, or its newer version, and checks its options. */
  load(args: { readonly file: string; readonly options: PlainOptions; readonly fresh: boolean }): Promise<LoadedBot>;
  /** Runs what was loaded; resolves when it is logged in. */
  start(args: BotStart): Promise<void>;
  /** Puts what was loaded last in the place of what runs. */
  reload(args: { readonly timeoutMs: number }): Promise<void>;
  stop(args: { readonly timeoutMs: number }): Promise<void>;
}

/** What the worker calls in the main thread. */
export interface MainCalls {
  log(args: { readonly level: LineLevel; readonly message: string; readonly fields: LogFields }): void;
  event(args: { readonly event: RuntimeEvent }): void;
  loggedIn(args: { readonly names: readonly string[] }): void;
  /** How its account is: at each change of its state that matters, and every second. */
  status(args: { readonly account: AccountStatus }): void;
  /** Its account has ended for good. */
  ended(args: { readonly error: SerializedError }): void;
  /** As {@link ChannelLedger}; a place that is taken has a number. */
  admit(args: Admission): Promise<Omit<Admitted, 'release'> & { readonly place: number | undefined }>;
  adopt(args: ChannelParties): Promise<{ readonly limits: PolicyLimits; readonly place: number }>;
  release(args: { readonly place: number }): void;
  /** As {@link OpenHalf}: the port is for a {@link PortSocket}. */
  openHalf(args: {
    readonly server: Address;
    readonly connectId: bigint;
    readonly timeoutMs: number;
  }): Promise<{ readonly port: MessagePort }>;
  /** As {@link StoreBackend}; the worker numbers those that it opens. */
  storeGet(args: { readonly store: number; readonly key: string }): Promise<string | undefined>;
  storePage(args: { readonly store: number; readonly range: PageRange }): Promise<[string, string][]>;
  storeWrite(args: { readonly store: number; readonly write: Write }): Promise<number>;
  storeUsage(args: { readonly store: number }): Promise<StoreUsage>;
  storeClose(args: { readonly store: number }): Promise<void>;
}
