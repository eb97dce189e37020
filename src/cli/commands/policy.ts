import { isIP } from 'node:net';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { loadConfig } from '../../config/load.ts';
import type { LoadedConfig } from '../../config/read.ts';
import { loginRules } from '../../config/login-rules.ts';
import { ChatosError } from '../../errors.ts';
import { fingerprintProblem, readFingerprint } from '../../net/fingerprint-text.ts';
import { decide, type PolicyFacts, type PolicyStep, type PolicyVerdict } from '../../policy/decide.ts';
import { DEFAULT_POLICY_LIMITS, type PolicyLimits } from '../../policy/limits.ts';
import { compilePolicy } from '../../policy/policy.ts';
import { compileAccess, decideLogin, type AccessStep, type Peer } from '../../server/access/login-rules.ts';
import { escapeUnsafe, toJsonLine } from '../../util/escape.ts';
import { createLogger } from '../../util/log.ts';
import { formatDuration, pluralize } from '../../util/printable.ts';
import { BotLoader } from '../running/bot-entries.ts';
import { planBots } from '../running/bot-plans.ts';
import { groupOptions } from '../group-options.ts';
import { configOption, loginArgument, timeArgument, TIME_FORMS } from '../options.ts';
import { loginJson, loginLines } from '../policy/login-report.ts';
import { readShown } from '../policy/shown-certificate.ts';
import { EXIT, ExitSignal } from '../terminal/exit.ts';
import { writeLine } from '../terminal/output.ts';
import { surviveUncaughtErrors } from '../terminal/plugin-errors.ts';

interface ExplainFlags {
  readonly bot?: string;
  readonly at?: Date;
  readonly config?: string;
  readonly json?: boolean;
}

interface LoginFlags {
  readonly identity?: string;
  readonly certificate?: string;
  readonly from: string;
  readonly config?: string;
  readonly json?: boolean;
}

type BotFacts = Pick<PolicyFacts, 'bot' | 'hasChannelHook' | 'hasRequestHook'> & { readonly title: string };

export function register(command: Command): void {
  const example = `
Examples:
  $ chatosbot policy explain alice
  $ chatosbot policy explain ops-7 --bot files --at 23:30
  $ chatosbot policy login alice --from 192.0.2.7 --certificate alice.pem`;
  command.addHelpText('after', example);
  const addOptions = groupOptions(command, () => [configOption(), new Option('--json', 'print lines of JSON')]);
  addOptions(command.command('explain'))
    .description('explain which rule decides about the private requests of a login, and why')
    .argument('<login>', 'the login that asks', loginArgument)
    .option('-b, --bot <name>', 'the bot that is asked (default: each bot of the configuration)')
    .option('--at <time>', `the time of the request: ${TIME_FORMS} (default: now)`, timeArgument)
    .addHelpText(
      'after',
      `${example}

Explains the decision for a peer that has no private connection and has not asked before. Loads the plugins to see which
hooks they have, and does not connect.`,
    )
    .action(explain);
  addOptions(command.command('login'))
    .description('explain whether a client may have a login on your server, by which rule, and what it needs')
    .argument('<login>', 'the login that it wants', loginArgument)
    .option('--from <address>', 'the IP address that it comes from', addressOf, '127.0.0.1')
    .option('--identity <fingerprint>', "the fingerprint of its key, as 'chatosbot identity' prints it", fingerprint)
    .option('--certificate <file>', 'its certificate, with what is shown behind it, in PEM')
    .addHelpText(
      'after',
      `
Examples:
  $ chatosbot policy login alice --from 192.0.2.7
  $ chatosbot policy login ops-1 --certificate ops-1.pem --json

Explains what serve.deny, serve.allow and serve.logins say, be the login free or not, without connecting.
The exit code is 0 where the client is let in, and 77 where it is refused.`,
    )
    .action(explainLogin);
}

function addressOf(text: string): string {
  if (isIP(text) === 0) throw new InvalidArgumentError('expected an IP address, such as 192.0.2.7');
  return text;
}

function fingerprint(text: string): string {
  const problem = fingerprintProblem(text);
  if (problem !== undefined) throw new InvalidArgumentError(problem);
  return readFingerprint(text)!;
}

async function explainLogin(login: string, { from, identity, certificate, ...flags }: LoginFlags): Promise<void> {
  if (identity !== undefined && certificate !== undefined) {
    throw new ChatosError('INVALID_ARGUMENT', '--identity and --certificate exclude each other');
  }
  const loaded = await loadConfig({ file: flags.config });
  const { deny, allow, lookAlikes } = loaded.config.serve ?? {};
  const rules = compileAccess({ logins: await loginRules(loaded), deny, allow, lookAlikes });
  const unseen = { fingerprint: identity, certificate: undefined };
  const peer: Peer = { from, ...(certificate === undefined ? unseen : await readShown(certificate)) };
  const passed: AccessStep[] = [];
  const verdict = decideLogin(rules, login, peer, (step) => passed.push(step));
  const explanation = { login, peer, verdict, passed };
  if (flags.json) await writeLine(toJsonLine(loginJson(explanation, loaded)));
  else for (const line of loginLines(explanation, loaded)) await writeLine(escapeUnsafe(line));
  if (!verdict.admitted) throw new ExitSignal(EXIT.refused);
}

async function explain(login: string, flags: ExplainFlags): Promise<void> {
  surviveUncaughtErrors(createLogger());
  const loaded = await loadConfig({ file: flags.config });
  const policy = compilePolicy(loaded.config.policy);
  const at = flags.at ?? new Date();
  for (const { title, ...bot } of await botsToAsk(loaded, flags.bot)) {
    const nothing = { channels: { total: 0, peer: 0, bot: 0 }, requestsInLastMinute: 0 };
    const verdict = decide(policy, { from: login, at, ...bot, ...nothing });
    if (flags.json) await writeLine(toJsonLine(jsonOf(verdict, { login, bot: title, at }, loaded)));
    else for (const line of textOf(verdict, title, loaded)) await writeLine(escapeUnsafe(line));
  }
}

/** The configuration's bots; if it has none, a bot with and one without `onPrivateRequest`. */
async function botsToAsk(loaded: LoadedConfig, wanted?: string): Promise<BotFacts[]> {
  const loader = new BotLoader(loaded);
  const plans = planBots([], loaded).filter(({ file }) => file !== undefined);
  const bots = (await loader.loadAll(plans)).map(({ plugin: { name, hooks } }): BotFacts => {
    const hasRequestHook = hooks.onPrivateRequest !== undefined;
    return { title: name, bot: name, hasChannelHook: hooks.onChannel !== undefined, hasRequestHook };
  });
  if (bots.length === 0) {
    const bot = wanted ?? 'bot';
    return [true, false].map((hasRequestHook) => {
      const title = `${bot}, ${hasRequestHook ? 'with' : 'without'} onPrivateRequest`;
      return { title, bot, hasChannelHook: true, hasRequestHook };
    });
  }
  const chosen = bots.filter(({ bot }) => wanted === undefined || bot === wanted);
  if (chosen.length > 0) return chosen;
  const names = bots.map(({ bot }) => bot).join(', ');
  throw new ChatosError('INVALID_ARGUMENT', `${loaded.file} has no bot named '${wanted}'; there are ${names}`);
}

/** The place of a step in the configuration; `undefined` for a default. */
function placeOf({ path: where }: PolicyStep, { config, locate }: LoadedConfig): string | undefined {
  if (!where || (where[0] === 'default' && config.policy?.default === undefined)) return undefined;
  return locate(['policy', ...where]);
}

function jsonOf(verdict: PolicyVerdict, asked: { login: string; bot: string; at: Date }, loaded: LoadedConfig): object {
  const step = ({ rule, reason, ...rest }: PolicyStep): object => ({
    rule,
    place: placeOf({ rule, reason, ...rest }, loaded) ?? null,
    reason,
  });
  return {
    ...asked,
    decision: verdict.decision,
    ...step(verdict),
    limits: Object.fromEntries(
      Object.keys(DEFAULT_POLICY_LIMITS).map((name) => [name, verdict.limits[name as keyof PolicyLimits] ?? null]),
    ),
    unmatched: verdict.unmatched.map(step),
  };
}

function textOf(verdict: PolicyVerdict, title: string, loaded: LoadedConfig): string[] {
  const ruleText = (step: PolicyStep): string => {
    const place = placeOf(step, loaded) ?? (step.path ? 'not configured' : '');
    return `${step.rule}${place === '' ? '' : ` (${place})`}`;
  };
  return [
    `${title}: ${verdict.decision}`,
    ...verdict.unmatched.map((step) => `  not     ${ruleText(step)}: ${step.reason}`),
    `  by      ${ruleText(verdict)}: ${verdict.reason}`,
    ...(verdict.decision === 'refuse' ? [] : [`  limits  ${limitsText(verdict.limits)}`]),
  ];
}

function limitsText(limits: PolicyLimits): string {
  const { maxChannels, maxChannelsPerPeer, maxChannelsPerBot, maxRequestsPerMinute, maxLifetimeMs, maxIdleMs } = limits;
  return [
    `${pluralize(maxChannels, 'private connection')} in total, ${maxChannelsPerPeer} with a peer, ${maxChannelsPerBot} with a bot`,
    `${pluralize(maxRequestsPerMinute, 'request')} a minute`,
    ...(maxLifetimeMs === undefined ? [] : [`open for ${formatDuration(maxLifetimeMs)} at most`]),
    ...(maxIdleMs === undefined ? [] : [`idle for ${formatDuration(maxIdleMs)} at most`]),
  ].join('; ');
}
