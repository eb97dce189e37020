import type { LoadedConfig } from '../../config/read.ts';
import { matchesLogin } from '../../policy/login-glob.ts';
import { closest } from '../../util/closest.ts';
import type { BotToRun } from './bot-entries.ts';

/**
 * The policy's rules that are for none of the bots, as a typing error makes one: a line each, with its place. Nothing
 * where not all bots of the configuration are there: a rule may be meant for one of the others.
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
    return [`${place}: policy.rules.${index}.bots matches none of the bots, so the rule decides nothing; ${hint}`];
  });
}
