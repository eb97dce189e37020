import type { ChatosClient } from '../../client/client.ts';
import type { Clock } from '../../util/clock.ts';
import type { Logger } from '../../util/log.ts';
import type { OfAccount, RuntimeObserver } from '../events.ts';
import type { Activity } from './activity.ts';

/** What all parts of an account share. */
export interface AccountScope {
  readonly account: OfAccount;
  readonly client: ChatosClient;
  readonly log: Logger;
  readonly clock: Clock;
  readonly observer: RuntimeObserver;
  readonly activity: Activity;
}
