import type { LoadedConfig } from '../../config/read.ts';
import { configuredServer } from '../../config/settings.ts';
import { ChatosError } from '../../errors.ts';
import type { Address } from '../../net/address.ts';
import { formatAddresses } from '../../net/address-list.ts';
import { matchesLogin } from '../../policy/login-glob.ts';
import { skeletonsOf } from '../../server/logins/look-alikes.ts';
import { closest } from '../../util/closest.ts';
import { loginKey } from '../../util/login-key.ts';
import { plainFallback } from '../connecting/plain-fallback.ts';
import type { BotToRun } from './bot-entries.ts';

/**
 * What is wrong with the logins, a line for each login that an isolated bot shares with another bot. An isolated bot has a
 * connection of its own, and so needs a login of its own.
 *
 * @param server that of bots that name none
 */
export function accountConflict(
  bots: readonly BotToRun[],
  server: readonly Address[] | 'embedded',
  loaded: Pick<LoadedConfig, 'file' | 'locate' | 'directory'>,
): ChatosError | undefined {
  const { file, locate } = loaded;
  const byAccount = new Map<string, BotToRun[]>();
  for (const bot of bots) {
    const account = `${loginKey(bot.login)} on ${serverOf(bot, server, loaded)}`;
    byAccount.set(account, [...(byAccount.get(account) ?? []), bot]);
  }
  const conflicts = [...byAccount.values()].filter((sharing) => sharing.length > 1 && sharing.some(isIsolated));
  if (conflicts.length === 0) return undefined;
  const lines = conflicts.map((sharing) => {
    const bot = sharing.find(isIsolated)!;
    const others = sharing.filter((other) => other !== bot).map(nameOf);
    const place = bot.path && locate(bot.path);
    const which = place === undefined ? nameOf(bot) : `${place}: ${bot.path!.join('.')}`;
    return `${which}: an isolated bot needs a login of its own, and ${others.join(' and ')} has the login '${bot.login}', too: give each its own`;
  });
  const isConfigured = conflicts.flat().some(({ path }) => path !== undefined);
  return new ChatosError(isConfigured ? 'INVALID_CONFIG' : 'INVALID_ARGUMENT', lines.join('\n'), { fields: { file } });
}

/**
 * What is wrong with the logins on the embedded server, a line for each that looks like another bot's: that server would
 * refuse it (P7).
 *
 * @param server that of bots that name none
 */
export function alikeAccounts(
  bots: readonly BotToRun[],
  server: readonly Address[] | 'embedded',
  loaded: LoadedConfig,
): ChatosError | undefined {
  const { file, locate, config } = loaded;
  if (config.serve?.lookAlikes === 'allow') return undefined;
  const embedded = bots.filter((bot) => serverOf(bot, server, loaded) === 'embedded');
  const byLogin = new Map(embedded.toReversed().map((bot) => [loginKey(bot.login), bot]));
  if (byLogin.size < 2) return undefined;
  const bySkeleton = new Map<string, BotToRun>();
  const lines: string[] = [];
  for (const bot of [...byLogin.values()].toReversed()) {
    const skeletons = skeletonsOf(bot.login);
    const other = skeletons.map((each) => bySkeleton.get(each)).find((each) => each !== undefined);
    for (const each of skeletons) bySkeleton.set(each, bySkeleton.get(each) ?? bot);
    if (!other) continue;
    const place = bot.path && locate(bot.path);
    const which = place === undefined ? nameOf(bot) : `${place}: ${bot.path!.join('.')}`;
    lines.push(
      `${which}: the login '${bot.login}' looks like '${other.login}' of ${nameOf(other)}, so the server would refuse it: ` +
        'give it another, or set serve.lookAlikes: allow',
    );
  }
  return lines.length === 0 ? undefined : new ChatosError('INVALID_CONFIG', lines.join('\n'), { fields: { file } });
}

/**
 * What is to be known of servers with addresses of both kinds, a line each.
 *
 * @param server that of bots that name none
 */
export function plainFallbacks(
  bots: readonly BotToRun[],
  server: readonly Address[] | 'embedded',
  loaded: Pick<LoadedConfig, 'directory'>,
): string[] {
  const found = bots.map((bot) => plainFallback(addressesOf(bot, server, loaded)));
  return [...new Set(found)].filter((line) => line !== undefined);
}

function serverOf(
  bot: BotToRun,
  otherwise: readonly Address[] | 'embedded',
  loaded: Pick<LoadedConfig, 'directory'>,
): string {
  return formatAddresses(addressesOf(bot, otherwise, loaded)) || 'embedded';
}

/** None where its server is in this process. */
function addressesOf(
  { server }: BotToRun,
  otherwise: readonly Address[] | 'embedded',
  loaded: Pick<LoadedConfig, 'directory'>,
): readonly Address[] {
  const where = server ?? otherwise;
  if (where === 'embedded') return [];
  return typeof where === 'string' ? configuredServer(where, loaded) : where;
}

function isIsolated({ isolated, isolation }: BotToRun): boolean {
  return (isolated ?? isolation) !== undefined;
}

function nameOf({ plugin, path }: BotToRun): string {
  return path === undefined ? plugin.name : path.join('.');
}

/**
 * The rules of the policy that match no bot, as after a typing error: a line each, with its place. Empty if not all bots of
 * the configuration are loaded: a rule may be for one of the others.
 */
export function idleRules(
  bots: readonly Pick<BotToRun, 'plugin' | 'path'>[],
  { config, locate }: LoadedConfig,
): string[] {
  const configured = config.bots ?? [];
  const loaded = new Set(bots.flatMap(({ path }) => (path?.[0] === 'bots' ? [path[1]] : [])));
  if (configured.length === 0 || loaded.size < configured.length) return [];
  const names = [...new Set(bots.map(({ plugin }) => plugin.name))];
  return (config.policy?.rules ?? []).flatMap(({ bots: wanted }, index) => {
    if (wanted === undefined) return [];
    const patterns = typeof wanted === 'string' ? [wanted] : wanted;
    if (patterns.some((pattern) => names.some((name) => matchesLogin(pattern, name)))) return [];
    const near = patterns.map((pattern) => closest(pattern, names)).find((name) => name !== undefined);
    const hint = near === undefined ? `there are ${names.join(', ')}` : `did you mean ${near}?`;
    const place = locate(['policy', 'rules', index, 'bots']);
    return [`${place}: policy.rules.${index}.bots matches no bot, so the rule has no effect; ${hint}`];
  });
}

/**
 * Commands for some logins only, where the embedded server gives these to anyone: a line each. What another server does is
 * not known.
 *
 * @param server that of bots that name none
 */
export function unprovenCallers(
  bots: readonly BotToRun[],
  server: readonly Address[] | 'embedded',
  loaded: Pick<LoadedConfig, 'config' | 'directory'>,
): string[] {
  const rules = loaded.config.serve?.logins ?? [];
  const isReserved = (pattern: string): boolean => {
    const rule = rules.find(({ login }) => [login].flat().some((each) => matchesLogin(each, pattern)));
    return rule !== undefined && Object.keys(rule).some((key) => key !== 'login');
  };
  return bots
    .filter((bot) => serverOf(bot, server, loaded) === 'embedded')
    .flatMap(({ plugin, parts }) =>
      Object.entries(parts.callers).flatMap(([command, patterns]) => {
        const free = patterns.filter((pattern) => pattern !== '*' && !isReserved(pattern));
        if (free.length === 0) return [];
        const whom = free.join(', ');
        return [
          `${plugin.name}: the command '${command}' is for ${whom}, but anybody can log in so: serve.logins can reserve logins`,
        ];
      }),
    );
}
