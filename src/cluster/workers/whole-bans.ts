import type { EventEmitter } from 'node:events';
import { messageOf } from '../../errors.ts';
import { banKey, Bans, type Ban, type BanKind } from '../../server/access/bans.ts';
import type { ServerEvents } from '../../server/events.ts';
import type { BanHit } from '../../server/operated-server.ts';
import type { Workers } from './workers.ts';

/** The bans that the nodes of a cluster have in common. */
export interface SharedBans extends EventEmitter<{ readonly banned: [ban: Ban]; readonly lifted: [ban: Ban] }> {
  list(): readonly Ban[];
  /** Emits nothing here. Rejects where other nodes hear of it later. */
  add(ban: Ban): Promise<void>;
  /** Emits nothing here. Rejects where other nodes hear of it later. */
  remove(kind: BanKind, what: string): Promise<Ban | undefined>;
}

type Emit = <E extends 'banned' | 'unbanned'>(name: E, ...of: ServerEvents[E]) => void;

/** Whom operators keep out of a server that is several processes, and of all nodes of its cluster. */
export class WholeBans {
  readonly #bans = new Bans();
  readonly #workers: Pick<Workers, 'asking' | 'processes'>;
  readonly #shared: SharedBans | undefined;
  readonly #emit: Emit;

  constructor(
    bans: readonly Ban[],
    workers: Pick<Workers, 'asking' | 'processes'>,
    shared: SharedBans | undefined,
    emit: Emit,
  ) {
    this.#workers = workers;
    this.#shared = shared;
    this.#emit = emit;
    this.#bans.add(...bans);
    this.#bans.onExpired = (ban) => emit('unbanned', ban, 'expired');
    shared?.on('banned', this.#onBanned).on('lifted', this.#onLifted);
    if (!shared) return;
    // What other nodes have changed since the workers were set up.
    const now = shared.list();
    for (const ban of now) if (!bans.includes(ban)) this.#onBanned(ban);
    const there = new Set(now.map(banKey));
    for (const ban of bans) if (!there.has(banKey(ban))) this.#onLifted(ban);
  }

  list(): readonly Ban[] {
    return this.#bans.list();
  }

  checkRoomFor(bans: readonly Ban[]): void {
    this.#bans.checkRoomFor(bans);
  }

  async ban(ban: Ban): Promise<BanHit> {
    const hit = await this.#apply(ban);
    const warning = await this.#shared?.add(ban).then(() => undefined, messageOf);
    return warning === undefined ? hit : { ...hit, warning };
  }

  /** @throws {ChatosError} `NOT_CONNECTED` where other nodes hear of it later; it is lifted here */
  async unban(kind: BanKind, what: string): Promise<Ban | undefined> {
    const lifted = await this.#lift(kind, what);
    await this.#shared?.remove(kind, what);
    return lifted;
  }

  close(): void {
    this.#shared?.off('banned', this.#onBanned).off('lifted', this.#onLifted);
    this.#bans.close();
  }

  readonly #onBanned = (ban: Ban): void => {
    this.#apply(ban).catch(() => undefined);
  };

  readonly #onLifted = ({ kind, what }: Ban): void => {
    this.#lift(kind, what).catch(() => undefined);
  };

  async #apply(ban: Ban): Promise<BanHit> {
    this.#bans.add(ban);
    const { asking, processes } = this.#workers;
    const hit = await asking.change(processes, 'ban', ban);
    const sessions = hit.reduce((sum, { answer }) => sum + answer.sessions, 0);
    const channels = hit.reduce((sum, { answer }) => sum + answer.channels, 0);
    this.#emit('banned', ban, sessions, channels);
    return { sessions, channels };
  }

  async #lift(kind: BanKind, what: string): Promise<Ban | undefined> {
    const lifted = this.#bans.remove(kind, what);
    if (!lifted) return undefined;
    const { asking, processes } = this.#workers;
    await asking.change(processes, 'unban', { kind, what });
    this.#emit('unbanned', lifted, 'lifted');
    return lifted;
  }
}
