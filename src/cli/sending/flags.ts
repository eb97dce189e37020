import type { ConflictMode } from '../../transfer/files/conflict.ts';
import type { CompressMode } from '../../transfer/files/packing.ts';
import type { ConnectFlags } from '../connecting/connect.ts';
import type { SecretFlags } from '../connecting/secrets.ts';

/** The options that `send` and `receive` have in common. */
export interface TransferFlags extends ConnectFlags, SecretFlags {
  /** In seconds. */
  readonly wait?: number;
  readonly retry?: boolean;
  /** In seconds. */
  readonly reconnectTimeout?: number;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/** The options of `send`. */
export interface SendFlags extends TransferFlags {
  readonly to?: readonly string[];
  readonly name?: string;
  readonly compress: CompressMode;
  /** In bytes a second, to each receiver. */
  readonly limitRate?: number;
  readonly outsideLinks: 'refuse' | 'skip';
  readonly exclude?: readonly string[];
}

/** The options of `receive`. */
export interface ReceiveFlags extends TransferFlags {
  readonly from?: readonly string[];
  readonly keep?: boolean;
  readonly max?: number;
  readonly dir: string;
  readonly output?: string;
  readonly conflict: ConflictMode;
  readonly yes?: boolean;
  readonly anyNames?: boolean;
  readonly maxSize?: number;
  readonly maxEntries: number;
}

/** How long a code is good that nobody uses, in seconds: as long as what is kept of one that was used. */
export const CODE_LIFE_S = 24 * 60 * 60;
/** How long a sender is waited for that a code leads to, in seconds. */
export const DEFAULT_CODE_WAIT_S = 10;
/** More files and folders than this are refused, unless the user wants them. */
export const DEFAULT_MAX_ENTRIES = 500_000;
