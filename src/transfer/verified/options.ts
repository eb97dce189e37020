import type { ByteSink, ByteSource } from '../bytes.ts';
import type { PipedChannel } from '../pipe.ts';

/** How a verified pipe works. */
export interface VerifiedPipeOptions {
  readonly input: ByteSource;
  readonly output: ByteSink;
  /** Opens another private connection with the same peer, unless the signal ends it. Without it, one that is lost is the end. */
  readonly reopen?: ((signal: AbortSignal) => Promise<PipedChannel>) | undefined;
  /** How long that may take, all attempts together. @default 60000 */
  readonly reopenTimeoutMs?: number | undefined;
  /** What a failure of ours is called, for the peer. @default its message */
  readonly reasonOf?: ((error: unknown) => string) | undefined;
  readonly onEvent?: ((event: VerifiedPipeEvent) => void) | undefined;
  /** How many bytes may be on their way, each way: so much memory it takes, twice. @default 4194304 */
  readonly windowBytes?: number | undefined;
  /** How long the peer may take to say its hello. @default 5000 */
  readonly helloTimeoutMs?: number | undefined;
}

/** What happens on the way. */
export type VerifiedPipeEvent =
  /** The peer is the right one; whether both sides go on over another connection when this one is lost. */
  | { readonly type: 'opened'; readonly reconnects: boolean }
  | { readonly type: 'lost'; readonly error: Error }
  | { readonly type: 'reopened' }
  /** The peer's stream has come to its end; whether ours goes on. */
  | { readonly type: 'peer-ended'; readonly received: number; readonly goesOn: boolean };

export const DEFAULT_WINDOW_BYTES = 4 * 1024 * 1024;
export const DEFAULT_HELLO_TIMEOUT_MS = 5_000;
export const DEFAULT_REOPEN_TIMEOUT_MS = 60_000;
