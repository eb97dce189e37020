import type { LoadedConfig } from '../../config/read.ts';
import { matchesLogin } from '../../policy/login-glob.ts';
import { closest } from '../../util/closest.ts';
import type { BotToRun } from './bot-entries.ts';

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
