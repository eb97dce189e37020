import { refusalsOf, troubleText } from '../../ops/troubles.ts';
import type { BotFigures, ChannelFigures, ServerFigures, SessionFigures, Snapshot } from './snapshot.ts';

/** A session, and what it sends and gets a second. */
export interface SessionRow extends SessionFigures {
  readonly inPerSecond: number | undefined;
  readonly outPerSecond: number | undefined;
}

/** A private connection, with what both sides send a second. */
export interface ChannelRow extends ChannelFigures {
  readonly bytes: number;
  readonly queuedBytes: number;
  readonly perSecond: number;
}

/** A bot, and how often it is called a second. */
export interface BotRow extends BotFigures {
  readonly callsPerSecond: number | undefined;
}

/** What happens a second, by what the server counts. */
export interface ServerRates {
  readonly messages: number;
  readonly relayedBytes: number;
  readonly accepted: number;
  readonly refused: number;
}

/** What is shown of a server. */
export interface TopView {
  readonly server: ServerFigures;
  /** Missing until there are two snapshots of one process. */
  readonly rates: ServerRates | undefined;
  /** Messages a second of each interval, the oldest first. */
  readonly course: readonly number[];
  readonly sessions: readonly SessionRow[];
  readonly channels: readonly ChannelRow[] | undefined;
  readonly bots: readonly BotRow[];
  /** What was refused, and limits that acted, since the first snapshot: what has changed last comes first. */
  readonly acting: readonly {
    readonly name: string;
    readonly count: number;
    readonly what: string;
    readonly advice: string;
  }[];
}

/** So many intervals are kept for the course: more than a terminal is wide. */
const MAX_COURSE = 512;

/** Makes rates of snapshots: what has changed from one to the next. */
export class TopModel {
  #last: Snapshot | undefined;
  readonly #course: number[] = [];
  /** How often each limit had acted at the first snapshot. */
  #first = new Map<string, number>();
  /** When each limit was last seen to act. */
  readonly #actedAt = new Map<string, number>();

  /** Takes the next snapshot. Of another process than the one before, it is the first. */
  add(snapshot: Snapshot): TopView {
    const before = this.#last?.server.pid === snapshot.server.pid ? this.#last : undefined;
    this.#last = snapshot;
    const seconds = before && Math.max(snapshot.takenAt - before.takenAt, 1) / 1000;
    const per = (now: number | undefined, was: number | undefined): number | undefined =>
      seconds === undefined || now === undefined || was === undefined ? undefined : Math.max(now - was, 0) / seconds;
    const rates = before && ratesOf(snapshot.server, before.server, per);
    if (!before) this.#begin(snapshot);
    if (rates) this.#course.push(rates.messages);
    if (this.#course.length > MAX_COURSE) this.#course.shift();

    const sessionsBefore = new Map(before?.sessions.map((session) => [session.id, session]));
    const channelsBefore = new Map(before?.channels?.map((channel) => [channel.id, bytesOf(channel)]));
    const callsBefore = new Map(before?.bots.map((bot) => [keyOf(bot), bot.calls]));
    const counted = countsOf(before?.server.troubles);
    return {
      server: snapshot.server,
      rates,
      course: this.#course,
      sessions: snapshot.sessions.map((session) => {
        const was = session.id === undefined ? undefined : sessionsBefore.get(session.id);
        return {
          ...session,
          inPerSecond: per(session.bytesReceived, was?.bytesReceived),
          outPerSecond: per(session.bytesSent, was?.bytesSent),
        };
      }),
      channels: snapshot.channels?.map((channel) => ({
        ...channel,
        bytes: bytesOf(channel),
        queuedBytes: channel.halves[0].queuedBytes + channel.halves[1].queuedBytes,
        perSecond: per(bytesOf(channel), channelsBefore.get(channel.id) ?? 0) ?? 0,
      })),
      bots: snapshot.bots.map((bot) => ({ ...bot, callsPerSecond: per(bot.calls, callsBefore.get(keyOf(bot))) })),
      acting: this.#acting(snapshot, counted),
    };
  }

  #begin({ server }: Snapshot): void {
    this.#course.length = 0;
    this.#first = countsOf(server.troubles);
  }

  #acting({ server, takenAt }: Snapshot, before: ReadonlyMap<string, number>): TopView['acting'] {
    for (const { name, count } of server.troubles) {
      if (count > Math.max(before.get(name) ?? 0, this.#first.get(name) ?? 0)) this.#actedAt.set(name, takenAt);
    }
    return server.troubles
      .map(({ name, count: total, what, advice }) => {
        const count = total - (this.#first.get(name) ?? 0);
        return { name, count, what: troubleText(name, count) ?? what, advice };
      })
      .filter(({ count }) => count > 0)
      .toSorted((one, other) => (this.#actedAt.get(other.name) ?? 0) - (this.#actedAt.get(one.name) ?? 0));
  }
}

function countsOf(troubles: ServerFigures['troubles'] = []): Map<string, number> {
  return new Map(troubles.map(({ name, count }) => [name, count]));
}

type Per = (now: number, was: number) => number | undefined;

function ratesOf(now: ServerFigures, was: ServerFigures, per: Per): ServerRates {
  const rate = (of: (figures: ServerFigures) => number): number => per(of(now), of(was)) ?? 0;
  return {
    messages: rate(({ messages }) => messages),
    relayedBytes: rate(({ relayedBytes }) => relayedBytes),
    accepted: rate(({ accepted }) => accepted),
    refused: rate(refusalsOf),
  };
}

function keyOf({ name, login }: BotFigures): string {
  return JSON.stringify([name, login]);
}

function bytesOf({ halves: [one, two] }: ChannelFigures): number {
  return one.bytesReceived + two.bytesReceived;
}
