import type { OpenHalf } from '../client/half.ts';
import type { ChannelLedger } from './channels/channel-ledger.ts';
import type { StoreBackend } from './store/store-backend.ts';

/** What a runtime shares with others of its process, or has another thread do. */
export interface RuntimeHost {
  /** Counts what the limits of the policy are about. */
  readonly ledger: ChannelLedger;
  /** Opens the connections of channels. @default as the client does */
  readonly openHalf?: OpenHalf;
  /** Where the entries of a store are kept. @default in a folder of the state directory */
  readonly openStore?: () => StoreBackend;
}
