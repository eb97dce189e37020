import type { Channel } from '../../client/channel.ts';
import type { PrivateRequest } from '../../client/private-request.ts';
import { messageOf } from '../../errors.ts';
import type { Rest } from '../running/activity.ts';
import type { Admitted, ChannelPlace } from './channel-ledger.ts';
import { limitChannel } from './channel-limits.ts';
import type { ChannelScope } from './open-channels.ts';
import type { IncomingRequest } from '../plugin/context.ts';
import type { PluginRunner } from '../running/plugin-runner.ts';

/** Time for all hooks together to decide about a request; the server gives up after 60 s (P10). */
const DECISION_TIMEOUT_MS = 50_000;

/** The plugin that accepts a private connection, and its reserved place. */
interface Acceptance extends ChannelPlace {
  readonly runner: PluginRunner;
}

/** Decides about the private connections that peers request from an account, and hands them to its plugins. */
export class PrivateRequests {
  readonly #settings: ChannelScope;
  #stopping = false;

  constructor(settings: ChannelScope) {
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

  /** Refuses every request from now on, including those that are being decided. */
  stop(): void {
    this.#stopping = true;
  }

  /** The channel and its plugin; `undefined` if it was refused or failed to open. */
  async #answer(
    request: PrivateRequest,
    runners: readonly PluginRunner[],
    rest: Rest,
  ): Promise<{ runner: PluginRunner; channel: Channel } | undefined> {
    const { log, clock, observer, account, channels } = this.#settings;
    const peer = request.from;
    observer({ type: 'request', ...account, from: peer });
    let accepted: Acceptance | undefined;
    try {
      if (!this.#stopping) accepted = await this.#choose(peer, runners, rest);
    } catch (error) {
      log.error(`private request refused, as it cannot be decided: ${messageOf(error)}`, { peer });
    }
    if (!accepted || this.#stopping) {
      if (this.#stopping) log.info('private request refused', { peer, reason: 'the bot is stopping' });
      accepted?.release();
      request.refuse();
      observer({ type: 'decided', ...account, from: peer, decision: 'refused' });
      return undefined;
    }
    observer({ type: 'decided', ...account, from: peer, decision: 'accepted' });
    const { runner, release } = accepted;
    let channel: Channel;
    try {
      channel = runner.contextFactory.guard(await request.accept());
    } catch (error) {
      release();
      log.info(`private connection with ${peer} failed: ${messageOf(error)}`);
      return undefined;
    }
    channels.add(channel, runner.plugin.name);
    limitChannel(channel, accepted, clock);
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
