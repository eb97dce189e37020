import type { RuntimeStatus } from '../bot/status.ts';
import { ChatosError, messageOf } from '../errors.ts';
import { formatAddress } from '../net/address.ts';
import { LOOPBACK, Networks } from '../net/networks.ts';
import { overTurns } from '../net/turn-queue.ts';
import { banKey, banKindOf, banProblem, type Ban, type BanKind } from '../server/access/bans.ts';
import { isMeant, type NamedSession } from '../server/meant-sessions.ts';
import type { OperatedServer, Soon } from '../server/operated-server.ts';
import { LOG_LEVELS, type LevelSwitch, type LogLevel } from '../util/log.ts';
import { packageVersion } from '../util/version.ts';
import { clusterAnswer } from './cluster.ts';
import { msOf, textOf, textsOf } from './control-arguments.ts';
import type { ControlLine, ControlRequest } from './control-protocol.ts';
import { topLines } from './top-lines.ts';
import { orderedStats } from './troubles.ts';
import { workersCounts, workersMemory } from './workers.ts';

/** What has become of each part of a configuration that was read again. */
export interface ReloadReport {
  /** They hold now, and did not before. */
  readonly applied: readonly string[];
  readonly unchanged: readonly string[];
  /** They are others than when the process was started, and hold from its next start on. */
  readonly needsRestart: readonly string[];
  /** The old ones stay. */
  readonly invalid: readonly { readonly part: string; readonly message: string }[];
}

/** A server, and what else of its process can be operated. */
export interface Operated {
  readonly server: OperatedServer;
  /** How the bots in its process are; `undefined` where there are none. */
  readonly bots: () => RuntimeStatus | undefined;
  /** What its log shows. */
  readonly level: LevelSwitch;
  /** Where bans are kept over a restart. */
  readonly bans: { saved(): Promise<void> };
  /** Reads the configuration again. */
  readonly reload: () => Promise<ReloadReport>;
  /** Whether the process is stopping: another may take its place. */
  readonly isStopping: () => boolean;
  /** Begins to stop, as on SIGTERM; private connections may take `drainMs` to finish, or what the command line says. */
  readonly drain: (drainMs: number | undefined) => void;
}

type Command = (operated: Operated, request: ControlRequest) => Iterable<ControlLine> | Promise<Iterable<ControlLine>>;

/** So many logins are offered to complete a word. */
const MAX_OFFERS = 1_000;

/** More sessions, or channels, than that nobody looks through; each is a line of an answer. */
const MOST_IN_TOP = 1_000;

/** What can be asked: each answers with lines of its type. */
const COMMANDS: Readonly<Record<string, Command>> = {
  async sessions({ server }) {
    const { node } = server.cluster ?? {};
    const sessions = await server.sessions();
    return linesOf('session', node === undefined ? sessions : sessions.map((session) => ({ ...session, node })));
  },

  async channels({ server }) {
    return linesOf('channel', await server.channels());
  },

  async logins({ server }) {
    const sessions = await server.sessions();
    const logins = sessions.map(({ login }) => login);
    return [{ type: 'logins', logins: logins.filter((login) => login !== '').slice(0, MAX_OFFERS) }];
  },

  async stats({ server, level, isStopping }) {
    await server.refresh?.();
    const addresses = server.addresses.map(formatAddress);
    const process_ = { version: packageVersion(), pid: process.pid, uptimeS: Math.round(process.uptime()) };
    const memoryBytes = process.memoryUsage.rss() + workersMemory(server);
    const state = { stopping: isStopping(), memoryBytes, logLevel: level.level, addresses };
    return [{ type: 'stats', ...process_, ...workersCounts(server.workers), ...state, ...orderedStats(server.stats) }];
  },

  async top({ server, bots }) {
    await server.refresh?.();
    const [sessions, channels] = [await server.busiest(MOST_IN_TOP), await server.channels()];
    return topLines(server, sessions, channels.slice(0, MOST_IN_TOP), bots());
  },

  async kick({ server }, request) {
    const who = textsOf(request, 'who');
    const isPattern = request['all'] === true;
    const { sessions: elsewhere, silent } = (await server.otherNodes?.find(who, isPattern)) ?? {
      sessions: [],
      silent: [],
    };
    const all: readonly (NamedSession & { readonly node?: string })[] = [...(await server.sessions()), ...elsewhere];
    const found = who.map((each) => ({ each, sessions: all.filter(isMeant(each, isPattern)) }));
    const missing = found.filter(({ sessions }) => sessions.length === 0).map(({ each }) => each);
    if (missing.length > 0) {
      const unknown =
        silent.length > 0 ? `, as far as is known: ${silent.join(', ')} of the cluster did not answer` : '';
      throw new ChatosError('NOT_CONNECTED', `not logged in: ${missing.join(', ')}${unknown}; nobody was kicked`);
    }
    const sessions = new Map(found.flatMap((each) => each.sessions).map((session) => [session.id, session]));
    const nodes = new Set(elsewhere.map(({ node }) => node));
    const of = (node: string | undefined): string[] =>
      [...sessions.values()].filter((session) => session.node === node).map(({ id }) => id);
    const failed = Array.from(nodes, (node) => server.otherNodes!.kick(node, of(node)).catch(() => node));
    await overAll(of(undefined), (id) => server.kick(id));
    const late = (await Promise.all(failed)).filter((node) => node !== undefined);
    return [
      ...Array.from(sessions.values())
        .filter(({ node }) => node === undefined || !late.includes(node))
        .map(({ id, login, remoteAddress, node }) => ({ type: 'kicked', id, login, remoteAddress, node })),
      ...[...silent, ...late].map((node) => ({ type: 'missing', node })),
    ];
  },

  async ban({ server, bans }, request) {
    const reason = textOf(request, 'reason');
    const forMs = msOf(request, 'forMs');
    const since = new Date();
    const until = forMs === undefined ? undefined : new Date(since.getTime() + forMs);
    const wanted = textsOf(request, 'what').map((what): Ban => ({
      kind: kindOf(request, what),
      what,
      reason,
      since,
      until,
    }));
    for (const ban of wanted) {
      const problem = banProblem(ban);
      if (problem !== undefined)
        throw new ChatosError('INVALID_ARGUMENT', `${ban.what}: ${problem}; nobody was banned`);
    }
    server.checkRoomForBans(wanted);
    const hits = await overAll(wanted, (ban) => server.ban(ban));
    const done = hits.map((hit, index) => ({ ban: wanted[index]!, hit }));
    const warning = await notKept(bans);
    const { node } = server.cluster ?? {};
    return done.map(({ ban, hit }) => ({
      type: 'banned',
      ...ban,
      ...hit,
      // Others end theirs, and do not say how many.
      ...(node !== undefined && { node }),
      warning: hit.warning ?? warningFor(ban) ?? warning,
    }));
  },

  async unban({ server, bans }, request) {
    const wanted = textsOf(request, 'what').map((what) => ({ kind: kindOf(request, what), what }));
    const known = new Set(server.bans().map(banKey));
    const missing = wanted.filter((ban) => !known.has(banKey(ban))).map(({ what }) => what);
    if (missing.length > 0) {
      throw new ChatosError('INVALID_ARGUMENT', `there is no ban of ${missing.join(', ')}; see 'chatosbot ctl bans'`);
    }
    const unbanned = await Promise.all(wanted.map(async ({ kind, what }) => server.unban(kind, what)));
    const lifted = unbanned.filter((ban) => ban !== undefined);
    const warning = await notKept(bans);
    return lifted.map((ban) => ({ type: 'unbanned', ...ban, warning }));
  },

  async cluster({ server }) {
    await server.refresh?.();
    if (!server.cluster) throw new ChatosError('INVALID_ARGUMENT', 'this server is no node of a cluster (--cluster)');
    return clusterAnswer(server.cluster);
  },

  bans({ server }) {
    return server.bans().map((ban) => ({ type: 'ban', ...ban }));
  },

  async reload({ reload }) {
    return [{ type: 'reloaded', ...(await reload()) }];
  },

  async drain({ server, drain }, request) {
    await server.refresh?.();
    const drainMs = msOf(request, 'drainMs');
    const { clients, channels } = server.stats;
    // The answer leaves before what it speaks of begins.
    setImmediate(drain, drainMs);
    return [{ type: 'draining', clients, channels }];
  },

  'log-level'({ server, level }, request) {
    const was = level.level;
    const wanted = request['level'];
    if (wanted !== undefined) {
      if (!LOG_LEVELS.includes(wanted as LogLevel)) {
        throw new ChatosError('INVALID_ARGUMENT', `expected one of ${LOG_LEVELS.join(', ')}`);
      }
      level.level = wanted as LogLevel;
      server.setLogLevel?.(level.level);
    }
    return [{ type: 'log-level', level: level.level, was }];
  },
};

/** Asks the server for each; as it looks at all sessions each time, over as many turns of the event loop as that takes. */
async function overAll<T, R>(items: readonly T[], ask: (item: T) => Soon<R>): Promise<R[]> {
  const answers: Promise<R>[] = [];
  await overTurns(items, (item) => {
    const answer = Promise.resolve(ask(item));
    answer.catch(() => undefined);
    answers.push(answer);
  });
  return Promise.all(answers);
}

/** The names of all. */
export const CONTROL_COMMANDS: readonly string[] = Object.keys(COMMANDS);

/** Answers what is asked on a control socket. */
export async function answerControl(operated: Operated, request: ControlRequest): Promise<Iterable<ControlLine>> {
  const command = Object.hasOwn(COMMANDS, request.command) ? COMMANDS[request.command] : undefined;
  if (command) return withMissing(await command(operated, request), operated.server);
  const known = CONTROL_COMMANDS.join(', ');
  throw new ChatosError('INVALID_ARGUMENT', `unknown command '${request.command}': this server has ${known}`);
}

/** Behind an answer: the processes of the server that had no part in it. */
function* withMissing(lines: Iterable<ControlLine>, { workers }: OperatedServer): Iterable<ControlLine> {
  yield* lines;
  for (const { worker, pid, state } of workers?.all ?? []) {
    if (state === 'not answering') yield { type: 'missing', worker, pid };
  }
}

function* linesOf(type: string, views: readonly object[]): Iterable<ControlLine> {
  for (const view of views) yield { type, ...view };
}

/** What kind of ban is meant: `login: true` says that it is a login, whatever it looks like. */
function kindOf(request: ControlRequest, what: string): BanKind {
  return request['login'] === true ? 'login' : banKindOf(what);
}

/** Who bans this machine keeps its own bots and proxies out. */
function warningFor({ kind, what }: Ban): string | undefined {
  if (kind !== 'from') return undefined;
  const hitsUs = new Networks([what]).has('127.0.0.1') || new Networks([what]).has('::1');
  const isOurs = new Networks(LOOPBACK).has(what.split('/')[0]!);
  return hitsUs || isOurs
    ? 'it keeps out what runs on this machine, too: bots, and clients behind a proxy here'
    : undefined;
}

async function notKept(bans: Operated['bans']): Promise<string | undefined> {
  try {
    await bans.saved();
    return undefined;
  } catch (error) {
    return `it holds until the server ends only, as it cannot be kept: ${messageOf(error)}`;
  }
}
