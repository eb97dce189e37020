import { networkProblem } from '../net/networks.ts';
import { SILENT_LOGGER, type Logger } from '../util/log.ts';
import { resolveOptions, type OptionTable } from '../util/option-table.ts';
import { Access } from './access/access.ts';
import type { Ban } from './access/bans.ts';
import type { AccessList, AccessOptions, LoginRule } from './access/access-options.ts';
import type { KeyPair } from '../net/tls-server.ts';
import { listen } from '../net/listen.ts';
import type { Directory } from './directory.ts';
import type { Others } from './others.ts';
import { SERVER_LIMIT_ROWS, SERVER_LIMITS_PAGE, type ServerLimits } from './limits/server-limits.ts';

/** How a server is set up. */
export interface ServerOptions {
  /** What differs from {@link DEFAULT_SERVER_LIMITS}. */
  readonly limits?: Partial<ServerLimits> | undefined;
  /**
   * The server's certificate, with those that lead to its authority, and its key, all in PEM: for addresses with `tls://`.
   * {@link ChatosServer.replaceCertificate} replaces it. @default none, and no such address can be listened on
   */
  readonly tls?: KeyPair | undefined;
  /** Receives what the server logs. @default nothing is logged */
  readonly log?: Logger | undefined;
  /** `auto` reads channels into reused buffers where this Node allows it; `streams` never does. @default 'auto' */
  readonly relay?: 'auto' | 'streams' | undefined;
  /** Whether a login may look like one that is in use, or differ from it in case only (P7). @default 'refuse' */
  readonly lookAlikes?: 'refuse' | 'allow' | undefined;
  /** Whose which logins are: the first rule that has the login decides; what none has is refused. @default all are anyone's */
  readonly logins?: readonly LoginRule[] | undefined;
  /** Anyone who matches any of these is refused. @default nobody */
  readonly deny?: AccessList | undefined;
  /** Anyone who does not match all that is given here is refused. @default nobody */
  readonly allow?: AccessList | undefined;
  /** Where halves may come from; `parties`: only from the address, or with the certificate, of one of theirs. @default 'anywhere' */
  readonly halves?: 'anywhere' | 'parties' | undefined;
  /** Whom operators keep out already; {@link ChatosServer.ban} adds more. @default nobody */
  readonly bans?: readonly Ban[] | undefined;
  /**
   * Addresses and networks of proxies that may say, by PROXY protocol, where a connection comes from (P20): at addresses with
   * `proxy`, and nobody else may connect there. @default none
   */
  readonly proxies?: readonly string[] | undefined;
  /**
   * Who has which login. @default a directory of this server alone
   *
   * @internal
   */
  readonly directory?: Directory | undefined;
  /**
   * The other processes that are the same server. @default there are none
   *
   * @internal
   */
  readonly others?: Others | undefined;
  /**
   * How it listens. @default it listens itself
   *
   * @internal
   */
  readonly listen?: typeof listen | undefined;
}

/** What can be changed while a server runs. */
export type UpdatableOptions = Pick<
  ServerOptions,
  'limits' | 'lookAlikes' | 'logins' | 'deny' | 'allow' | 'halves' | 'proxies'
>;

/** A key for each of {@link UpdatableOptions}: one that is added does not compile until it stands here too. */
const UPDATABLE: { readonly [K in keyof UpdatableOptions]-?: true } = {
  limits: true,
  lookAlikes: true,
  logins: true,
  deny: true,
  allow: true,
  halves: true,
  proxies: true,
};

/** Their names. */
export const UPDATABLE_KEYS = Object.keys(UPDATABLE) as (keyof UpdatableOptions)[];

/** What of these can be changed while a server runs. */
export function updatableOf(options: ServerOptions): UpdatableOptions {
  return Object.fromEntries(UPDATABLE_KEYS.map((key) => [key, options[key]]));
}

/** How a server is closed. */
export interface CloseOptions {
  /** How long channels may take to finish, in milliseconds; `Infinity` is for ever. @default 0 */
  readonly drainMs?: number | undefined;
}

export interface ResolvedServerOptions {
  readonly limits: ServerLimits;
  readonly tls: KeyPair | undefined;
  readonly log: Logger;
  readonly relay: 'auto' | 'streams';
  readonly lookAlikes: 'refuse' | 'allow';
  readonly proxies: readonly string[];
  readonly access: Access;
  /** What of it was given, of what can be changed. */
  readonly given: UpdatableOptions;
  readonly directory: Directory | undefined;
  readonly others: Others | undefined;
  readonly listen: typeof listen;
}

type Checked = Omit<ResolvedServerOptions, 'limits' | 'access' | 'given'> &
  AccessOptions & { readonly limits: object; readonly bans: readonly Ban[] };

const SERVER_OPTIONS: OptionTable<Checked> = {
  limits: { kind: 'any', default: {} },
  tls: { kind: 'any', default: undefined },
  log: { kind: 'logger', default: SILENT_LOGGER },
  relay: { kind: 'choice', of: ['auto', 'streams'], default: 'auto' },
  lookAlikes: { kind: 'choice', of: ['refuse', 'allow'], default: 'refuse' },
  proxies: { kind: 'texts', problem: networkProblem, default: [] },
  logins: { kind: 'any', default: undefined },
  deny: { kind: 'any', default: undefined },
  allow: { kind: 'any', default: undefined },
  bans: { kind: 'any', default: [] },
  halves: { kind: 'choice', of: ['anywhere', 'parties'], default: 'anywhere' },
  directory: {
    kind: 'object',
    a: 'a directory',
    methods: ['claim', 'add', 'release', 'find'],
    default: undefined,
  },
  others: { kind: 'object', a: 'the other processes', methods: ['attach', 'post', 'tell'], default: undefined },
  listen: { kind: 'any', default: listen },
};

export const CLOSE_OPTIONS: OptionTable<{ readonly drainMs: number }> = { drainMs: { kind: 'ms', default: 0 } };

/**
 * Changes what is given, and nothing where some of it is invalid.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT`
 */
export function changeServerOptions(resolved: ResolvedServerOptions, changes: UpdatableOptions): void {
  const given = { ...resolved.given, ...changes };
  const { limits, lookAlikes, proxies } = resolveServerOptions(given);
  const { logins, deny, allow, halves } = given;
  resolved.access.update({ logins, deny, allow, halves, lookAlikes });
  Object.assign(resolved.limits, limits);
  Object.assign(resolved, { given, lookAlikes, proxies });
}

/** @throws {ChatosError} `INVALID_ARGUMENT` where a key is unknown or a value invalid */
export function resolveServerOptions(options?: ServerOptions): ResolvedServerOptions {
  const { limits, logins, deny, allow, halves, bans, ...rest } = resolveOptions(
    'server options',
    options,
    SERVER_OPTIONS,
  );
  const access = new Access({ logins, deny, allow, halves, lookAlikes: rest.lookAlikes });
  access.bans.add(...bans);
  return {
    limits: resolveOptions<ServerLimits>('server limits', limits, SERVER_LIMIT_ROWS, SERVER_LIMITS_PAGE),
    access,
    given: updatableOf({ limits, logins, deny, allow, halves, ...rest }),
    ...rest,
  };
}
