import type { Channel } from '../../client/channel.ts';
import type { PrivateRequest } from '../../client/private-request.ts';
import { messageOf } from '../../errors.ts';
import { decide, type PolicyVerdict } from '../../policy/decide.ts';
import type { PolicyLimits } from '../../policy/limits.ts';
import type { Policy } from '../../policy/policy.ts';
import type { Clock } from '../../util/clock.ts';
import type { Logger } from '../../util/log.ts';
import type { Activity, Rest } from '../running/activity.ts';
import {
  peerKey,
  type ChannelLedger,
  type ChannelPlace,
  type ChannelTotals,
  type OpenChannel,
} from './channel-ledger.ts';
import { limitChannel } from './channel-limits.ts';
import type { IncomingRequest } from '../plugin/context.ts';
import type { OfAccount, RuntimeObserver } from '../events.ts';
import type { PluginRunner } from '../running/plugin-runner.ts';

/** Time for all hooks together to decide about a request; the server gives up after 60 s (P10). */
const DECISION_TIMEOUT_MS = 50_000;

export interface PrivateRequestsSettings {
  /** Where and as whom the bots are logged in. */
  readonly account: OfAccount;
  readonly policy: Policy;
  readonly ledger: ChannelLedger;
  readonly observer: RuntimeObserver;
  readonly log: Logger;
  readonly clock: Clock;
  readonly activity: Activity;
}

/** The plugin that accepts a private connection, its reserved place, and its limits. */
interface Acceptance {
  readonly runner: PluginRunner;
  readonly place: ChannelPlace;
  readonly limits: PolicyLimits;
}

/** Decides about the private connections that peers request from an account, and hands them to its plugins. */
export class PrivateRequests {
  readonly #settings: PrivateRequestsSettings;
  #stopping = false;

  constructor(settings: PrivateRequestsSettings) {
    this.#settings = settings;
  }

  /** The open private connections of the account, including those that its bots requested. */
  get channels(): readonly OpenChannel[] {
    const { account, ledger } = this.#settings;
    return ledger.channels.filter(({ server, login }) => server === account.server && login === account.login);
  }

  /** The totals of all of them, including the closed ones. */
  get channelTotals(): ChannelTotals {
    const { account, ledger } = this.#settings;
    return ledger.totals(account);
  }

  /** Answers a request: the first plugin that is allowed to and accepts gets the channel. Never rejects. */
  async handle(request: PrivateRequest, runners: readonly PluginRunner[]): Promise<void> {
    const opened = await this.#settings.activity.during((rest) => this.#answer(request, runners, rest));
    if (!opened) return;
    const { runner, channel } = opened;
    const { hooks } = runner.plugin;
    const result = await runner.calls.make('onChannel', request.from, () =>
      hooks.onChannel?.(runner.contextFactory.own(channel), runner.context),
    );
    if (!result.ok) channel.destroy();
  }

  /** Counts a channel that a bot requested. The policy never refuses it, but limits its time as for others. */
  adopt(channel: Channel, bot: string): void {
    const { account, policy, ledger, clock } = this.#settings;
    const parties = { ...account, bot, peer: channel.peer };
    const at = clock.now();
    const facts = { from: channel.peer, bot, at, channels: ledger.count(parties), requestsInLastMinute: 0 };
    ledger.reserve(parties).open(channel, at);
    this.#reportEnd(channel);
    const { limits } = decide(policy, { ...facts, hasChannelHook: true, hasRequestHook: true });
    limitChannel(channel, limits, clock);
  }

  /** Refuses every request from now on, including those that are being decided. */
  stop(): void {
    this.#stopping = true;
  }

  #reportEnd(channel: Channel): void {
    const { observer, account } = this.#settings;
    const report = (): void => {
      const { peer, bytesReceived, bytesSent } = channel;
      observer({ type: 'closed', ...account, peer, bytesReceived, bytesSent });
    };
    if (channel.destroyed) report();
    else channel.once('close', report);
  }

  /** The channel and its plugin; `undefined` if it was refused or failed to open. */
  async #answer(
    request: PrivateRequest,
    runners: readonly PluginRunner[],
    rest: Rest,
  ): Promise<{ runner: PluginRunner; channel: Channel } | undefined> {
    const { log, clock, observer, account } = this.#settings;
    observer({ type: 'request', ...account, from: request.from });
    const accepted = this.#stopping ? undefined : await this.#choose(request.from, runners, rest);
    if (!accepted || this.#stopping) {
      if (this.#stopping) log.info('private request refused', { peer: request.from, reason: 'the bot is stopping' });
      accepted?.place.release();
      request.refuse();
      observer({ type: 'decided', ...account, from: request.from, decision: 'refused' });
      return undefined;
    }
    observer({ type: 'decided', ...account, from: request.from, decision: 'accepted' });
    const { runner, place, limits } = accepted;
    let channel: Channel;
    try {
      channel = runner.contextFactory.guard(await request.accept());
    } catch (error) {
      place.release();
      log.info(`private connection with ${request.from} failed: ${messageOf(error)}`);
      return undefined;
    }
    place.open(channel, clock.now());
    this.#reportEnd(channel);
    limitChannel(channel, limits, clock);
    return { runner, channel };
  }

  async #choose(from: string, runners: readonly PluginRunner[], rest: Rest): Promise<Acceptance | undefined> {
    const { account, policy, ledger, log, clock } = this.#settings;
    const able = runners.filter((runner) => runner.has('onChannel'));
    const peer = peerKey({ server: account.server, peer: from });
    const asked = clock.now();
    const requestsInLastMinute = ledger.rate.count(peer, asked);
    const deadline = asked.getTime() + DECISION_TIMEOUT_MS;
    const refusals: { readonly bot: string; readonly why: Pick<PolicyVerdict, 'rule' | 'reason' | 'limit'> }[] = [];
    let counted = false;
    let accepted: Acceptance | undefined;
    for (const runner of able.length > 0 ? able : [...runners]) {
      const bot = runner.plugin.name;
      const parties = { ...account, bot, peer: from };
      const verdict = decide(policy, {
        from,
        bot,
        at: clock.now(),
        hasChannelHook: runner.has('onChannel'),
        hasRequestHook: runner.has('onPrivateRequest'),
        channels: ledger.count(parties),
        requestsInLastMinute,
      });
      // Before the first await: further requests may arrive meanwhile.
      if (!counted && verdict.limit !== 'maxRequestsPerMinute') ledger.rate.add(peer, asked);
      counted ||= verdict.limit !== 'maxRequestsPerMinute';
      if (verdict.decision === 'refuse') {
        refusals.push({ bot, why: verdict });
        continue;
      }
      if (!runner.open) {
        refusals.push({ bot, why: { rule: verdict.rule, reason: `${bot} is suspended: it fails` } });
        continue;
      }
      const place = ledger.reserve(parties);
      if (verdict.decision === 'accept' || (await rest(this.#ask(runner, from, deadline)))) {
        accepted = { runner, place, limits: verdict.limits };
        break;
      }
      place.release();
      refusals.push({ bot, why: { rule: verdict.rule, reason: `onPrivateRequest of ${bot} did not accept` } });
    }
    // If one plugin accepts, the refusals of others are details. A flood is logged once.
    const level = accepted ? 'debug' : 'info';
    for (const { bot, why } of refusals) {
      const { rule, reason, limit } = why;
      if (limit === 'maxRequestsPerMinute' && !ledger.rate.reportOnce(peer)) continue;
      log[level]('private request refused', { peer: from, bot, rule, reason });
    }
    return accepted;
  }

  async #ask(runner: PluginRunner, from: string, deadline: number): Promise<boolean> {
    const { log, clock } = this.#settings;
    const { hooks } = runner.plugin;
    let cancel = (): void => undefined;
    const decided = new Promise<boolean>((resolve) => {
      const request: IncomingRequest = { from, accept: () => resolve(true), refuse: () => resolve(false) };
      void runner.calls
        .make('onPrivateRequest', from, () => hooks.onPrivateRequest?.(request, runner.context))
        .then((result) => resolve(result.ok && result.value === true));
      cancel = clock.after(Math.max(deadline - clock.now().getTime(), 0), () => {
        log.warn('onPrivateRequest took too long to decide', { plugin: runner.plugin.name, peer: from });
        resolve(false);
      });
    });
    return decided.finally(() => cancel());
  }
}
