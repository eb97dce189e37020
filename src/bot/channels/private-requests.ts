import type { Channel } from '../../client/channel.ts';
import type { PrivateRequest } from '../../client/private-request.ts';
import { messageOf } from '../../errors.ts';
import type { PolicyLimits } from '../../policy/limits.ts';
import type { Clock } from '../../util/clock.ts';
import type { Logger } from '../../util/log.ts';
import type { Activity, Rest } from '../running/activity.ts';
import type { Admitted, ChannelLedger } from './channel-ledger.ts';
import { limitChannel } from './channel-limits.ts';
import { OpenChannels } from './open-channels.ts';
import type { IncomingRequest } from '../plugin/context.ts';
import type { OfAccount, RuntimeObserver } from '../events.ts';
import type { PluginRunner } from '../running/plugin-runner.ts';

/** Time for all hooks together to decide about a request; the server gives up after 60 s (P10). */
const DECISION_TIMEOUT_MS = 50_000;

export interface PrivateRequestsSettings {
  /** Where and as whom the bots are logged in. */
  readonly account: OfAccount;
  readonly ledger: ChannelLedger;
  readonly observer: RuntimeObserver;
  readonly log: Logger;
  readonly clock: Clock;
  readonly activity: Activity;
}

/** The plugin that accepts a private connection, its reserved place, and its limits. */
interface Acceptance {
  readonly runner: PluginRunner;
  readonly limits: PolicyLimits;
  /** Gives its place back. */
  readonly release: () => void;
}

/** Decides about the private connections that peers request from an account, and hands them to its plugins. */
export class PrivateRequests {
  /** The account's private connections, including those that its bots asked for. */
  readonly channels = new OpenChannels();
  readonly #settings: PrivateRequestsSettings;
  #stopping = false;

  constructor(settings: PrivateRequestsSettings) {
    this.#settings = settings;
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

  /**
   * Counts a channel that a bot requested. The policy never refuses it, but limits its time as for others; where that
   * fails, it is broken off. Never rejects.
   */
  async adopt(channel: Channel, bot: string): Promise<void> {
    const { account, ledger, clock, log } = this.#settings;
    const { peer } = channel;
    this.channels.add(channel, bot, clock.now());
    this.#reportEnd(channel);
    try {
      const { limits, release } = await ledger.adopt({ ...account, bot, peer });
      onceClosed(channel, release);
      limitChannel(channel, limits, clock);
    } catch (error) {
      log.error(`private connection broken off, as it cannot be limited: ${messageOf(error)}`, { peer, bot });
      channel.destroy();
    }
  }

  /** Refuses every request from now on, including those that are being decided. */
  stop(): void {
    this.#stopping = true;
  }

  #reportEnd(channel: Channel): void {
    const { observer, account } = this.#settings;
    onceClosed(channel, () => {
      const { peer, bytesReceived, bytesSent } = channel;
      observer({ type: 'closed', ...account, peer, bytesReceived, bytesSent });
    });
  }

  /** The channel and its plugin; `undefined` if it was refused or failed to open. */
  async #answer(
    request: PrivateRequest,
    runners: readonly PluginRunner[],
    rest: Rest,
  ): Promise<{ runner: PluginRunner; channel: Channel } | undefined> {
    const { log, clock, observer, account } = this.#settings;
    observer({ type: 'request', ...account, from: request.from });
    let accepted: Acceptance | undefined;
    try {
      if (!this.#stopping) accepted = await this.#choose(request.from, runners, rest);
    } catch (error) {
      log.error(`private request refused, as it cannot be decided: ${messageOf(error)}`, { peer: request.from });
    }
    if (!accepted || this.#stopping) {
      if (this.#stopping) log.info('private request refused', { peer: request.from, reason: 'the bot is stopping' });
      accepted?.release();
      request.refuse();
      observer({ type: 'decided', ...account, from: request.from, decision: 'refused' });
      return undefined;
    }
    observer({ type: 'decided', ...account, from: request.from, decision: 'accepted' });
    const { runner, limits, release } = accepted;
    let channel: Channel;
    try {
      channel = runner.contextFactory.guard(await request.accept());
    } catch (error) {
      release();
      log.info(`private connection with ${request.from} failed: ${messageOf(error)}`);
      return undefined;
    }
    this.channels.add(channel, runner.plugin.name, clock.now());
    onceClosed(channel, release);
    this.#reportEnd(channel);
    limitChannel(channel, limits, clock);
    return { runner, channel };
  }

  async #choose(from: string, runners: readonly PluginRunner[], rest: Rest): Promise<Acceptance | undefined> {
    const { account, ledger, log, clock } = this.#settings;
    const able = runners.filter((runner) => runner.has('onChannel'));
    const deadline = clock.now().getTime() + DECISION_TIMEOUT_MS;
    const refusals: { readonly bot: string; readonly rule: string; readonly reason: string }[] = [];
    let rate: Admitted['rate'] | undefined;
    let accepted: Acceptance | undefined;
    for (const runner of able.length > 0 ? able : [...runners]) {
      const bot = runner.plugin.name;
      const admitted = await ledger.admit({
        parties: { ...account, bot, peer: from },
        hasChannelHook: runner.has('onChannel'),
        hasRequestHook: runner.has('onPrivateRequest'),
        rate,
      });
      const { decision, rule, reason, limits } = admitted.verdict;
      const { repeated, release } = admitted;
      ({ rate } = admitted);
      if (!release) {
        if (!repeated) refusals.push({ bot, rule, reason });
        continue;
      }
      const isOpen = runner.open;
      if (isOpen && (decision === 'accept' || (await rest(this.#ask(runner, from, deadline))))) {
        accepted = { runner, limits, release };
        break;
      }
      release();
      const why = isOpen ? `onPrivateRequest of ${bot} did not accept` : `${bot} is suspended: it fails`;
      refusals.push({ bot, rule, reason: why });
    }
    // If one plugin accepts, the refusals of others are details.
    const level = accepted ? 'debug' : 'info';
    for (const { bot, rule, reason } of refusals) {
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

function onceClosed(channel: Channel, run: () => void): void {
  if (channel.destroyed) run();
  else channel.once('close', run);
}
