import { ChatosClient } from '../client/client.ts';
import type { OpenHalf } from '../client/half.ts';
import { createDeferred } from '../util/deferred.ts';
import { ChatosError, isChatosError } from '../errors.ts';
import type { Address } from '../net/address.ts';
import type { IdentityLike } from '../net/identity.ts';
import type { Clock } from '../util/clock.ts';
import type { ChannelLedger } from './channels/channel-ledger.ts';
import type { ResolvedRuntimeOptions } from './runtime-options.ts';
import type { AccountStatus } from './status.ts';

/** That the server slows a client is logged this often at most. */
const SLOWED_PAUSE_MS = 60_000;

/** How an account runs: as its runtime does, where, and as whom. */
export interface AccountSettings extends Omit<ResolvedRuntimeOptions, 'policy' | 'stateDirectory' | 'host'> {
  readonly server: readonly Address[];
  readonly login: string;
  /** Who it is for a `tls://` server. @default nobody in particular */
  readonly identity: IdentityLike | undefined;
  /** What counts for the limits of the policy: one for all accounts. */
  readonly ledger: ChannelLedger;
  /** Opens the connections of channels. @default as the client does */
  readonly openHalf?: OpenHalf | undefined;
}

/** While its login is taken, a standby tries again after so long: a takeover is a matter of seconds. */
const STANDBY_BACKOFF = { firstMs: 500, maxMs: 2_000 };

/** The session of an account, made again where it is lost: how it is, since when, and why it is not there. */
export class AccountSession {
  readonly client: ChatosClient;
  /** Settles when there will be no session any more: with the error that it gave up on, or without. */
  readonly ended: Promise<ChatosError | undefined>;
  readonly #clock: Clock;
  status: Pick<AccountStatus, 'state' | 'since' | 'problem'>;

  constructor(settings: AccountSettings) {
    const { server, login, identity, standby, backoff, heartbeatMs, log, clock, openHalf } = settings;
    this.#clock = clock;
    this.status = { state: 'connecting', since: clock.now(), problem: undefined };
    this.client = ChatosClient.create({
      server,
      login,
      identity,
      reconnect: standby ? STANDBY_BACKOFF : backoff,
      waitForLogin: standby,
      heartbeatMs,
      openHalf,
    });
    this.client.on('connected', () => this.#enter('connected', undefined));
    this.client.on('disconnected', (error) => this.#enter('connecting', error));
    this.client.on('retrying', ({ error, delayMs }) => {
      const taken = standby && isChatosError(error, 'LOGIN_REFUSED');
      if (!taken) log.warn(`${error.message}; retrying in ${(delayMs / 1000).toFixed(1)} s`);
      else if (this.status.state !== 'standby') log.info('standing by: the login is taken');
      this.#enter(taken ? 'standby' : 'connecting', error);
    });
    this.client.on('heartbeatOff', () => {
      log.warn('the server does not return messages to oneself: its silence will not be noticed');
    });
    let slowedAt = -Infinity;
    this.client.on('slowed', () => {
      if (performance.now() - slowedAt < SLOWED_PAUSE_MS) return;
      slowedAt = performance.now();
      log.warn('the server slows this client: messages wait');
    });
    this.ended = new Promise((resolve) => this.client.once('closed', resolve));
    void this.ended.then((error) => this.#enter('ended', error));
  }

  /**
   * Resolves when the server has had what was sent until now, and what it had for this account until then has been heard;
   * where the connection is lost, when it is there again.
   *
   * @throws {ChatosError} `ABORTED` where the session has ended for good, or by the signal
   */
  async synchronise(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#reached(signal);
      try {
        await this.client.roundTrip({ timeoutMs: Infinity, signal });
        return;
      } catch (error) {
        if (!isChatosError(error, 'CONNECTION_LOST') && !isChatosError(error, 'NOT_CONNECTED')) throw error;
      }
    }
  }

  /** Ends it, in order where there is one; channels that are still open are broken. */
  async close(): Promise<void> {
    if (this.client.connected) await this.client.close();
    await this.client.destroy();
  }

  /** Resolves when there is a connection. */
  async #reached(signal: AbortSignal): Promise<void> {
    if (this.client.connected) return;
    const waiting = createDeferred<void>({ timeoutMs: Infinity, signal, what: 'no connection' });
    const onEnd = (error?: ChatosError): void =>
      waiting.reject(error ?? new ChatosError('ABORTED', `${this.client.login} has logged out`));
    const onConnected = (): void => waiting.resolve();
    this.client.once('connected', onConnected).once('closed', onEnd);
    if (this.status.state === 'ended') onEnd();
    try {
      await waiting.promise;
    } finally {
      this.client.off('connected', onConnected).off('closed', onEnd);
    }
  }

  #enter(state: AccountStatus['state'], error: ChatosError | undefined): void {
    const since = state === this.status.state ? this.status.since : this.#clock.now();
    this.status = { state, since, problem: error?.message };
  }
}
