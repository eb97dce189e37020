import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { LoadedConfig } from '../../config/read.ts';
import { ownAddress } from '../../config/settings.ts';
import type { Address } from '../../net/address.ts';
import { certificatesIn } from '../../net/pem.ts';
import { idleRules } from '../../server/access/idle-rules.ts';
import { compileAccess, decideLogin } from '../../server/access/login-rules.ts';
import type { ServerOptions } from '../../server/options.ts';
import type { BotToRun } from './bot-entries.ts';
import type { BotIdentities } from './bot-identities.ts';

/** What a client of this machine comes from, where the server listens on all addresses. */
const UNSPECIFIED: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/**
 * What in `serve.logins` has no effect, or asks for what nobody can have, a line each with its place.
 *
 * @param options as they were made of the configuration
 */
export function accessWarnings(
  options: ServerOptions,
  listen: readonly Address[],
  { config, locate }: LoadedConfig,
): string[] {
  const at = (path: readonly (string | number)[]): string => {
    const where = ['serve', ...path];
    return `${locate(where)}: ${where.join('.')}`;
  };
  const idle = idleRules(options).map(({ path, problem }) => `${at(path)}: ${problem}`);
  const rules = (config.serve?.logins ?? []).entries();
  const shown = listen.some(({ transport }) => transport === 'tls')
    ? []
    : [...rules].flatMap(([index, { identity, ca }]) => {
        const key = identity === undefined ? ca && 'ca' : 'identity';
        if (key === undefined) return [];
        return `${at(['logins', index, key])}: nobody can show a certificate, as no address that is listened on begins with tls://`;
      });
  return [...idle, ...shown, ...oldAuthorities(options, at)];
}

function oldAuthorities({ logins = [] }: ServerOptions, at: (path: readonly (string | number)[]) => string): string[] {
  return logins.flatMap(({ ca }, index) => {
    if (ca === undefined) return [];
    const { validTo } = new X509Certificate(ca);
    if (Date.parse(validTo) > Date.now()) return [];
    return `${at(['logins', index, 'ca'])}: its first certificate has expired (${validTo})`;
  });
}

/** The bots that the server of this process would refuse by its own rules, a line each. */
export function barredBots(
  bots: readonly BotToRun[],
  identities: BotIdentities,
  {
    options,
    server,
    listen,
  }: { options: ServerOptions; server: readonly Address[] | 'embedded'; listen: readonly Address[] },
): string[] {
  const rules = compileAccess(options);
  const { host } = ownAddress(listen);
  const from = isIP(host) === 0 || UNSPECIFIED.has(host) ? '127.0.0.1' : host;
  return bots.flatMap((bot) => {
    if ((bot.server ?? server) !== 'embedded') return [];
    const identity = identities.get(bot);
    const chain = identity ? certificatesIn(identity.cert).map((text) => new X509Certificate(text)) : [];
    const [certificate, ...shown] = chain;
    const peer = { from, fingerprint: identity?.fingerprint, certificate, shown };
    const { admitted, rule, why } = decideLogin(rules, bot.login, peer);
    if (admitted) return [];
    return `${bot.plugin.name} cannot log in as ${bot.login}: serve.${rule}: ${why}; give it a rule, such as { login: ${bot.login}, from: ${from} }`;
  });
}

/** What the configuration has for `serve` alone, and the server of `run` does not do. */
export function unusedByRun({ config }: Pick<LoadedConfig, 'config'>): string[] {
  const { cluster, workers = 1 } = config.serve ?? {};
  const hint =
    "the server of 'run' is part of its process: for that, start 'chatosbot serve', and the bots with --server";
  return [
    ...(cluster ? [`serve.cluster has no effect, as this server is no node: ${hint}`] : []),
    ...(workers === 1 ? [] : [`serve.workers has no effect: ${hint}`]),
  ];
}
