import { once } from 'node:events';
import * as fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import type { Packet, RfcPeer } from '../support/rfc-peer.ts';
import { Rig, stopTheClock } from '../support/server-rig.ts';

const LOGINS = ['alice', 'bob', 'carol'];
const MINUTE_MS = 60_000;
const MAX = { made: 2, ids: 4, pair: 2 };
const LIMITS = {
  maxPendingRequests: MAX.made,
  maxConnectIds: MAX.ids,
  maxConnectIdsPerPair: MAX.pair,
  maxForbiddenPackets: 1_000_000,
};

const login = fc.constantFrom(...LOGINS);
const STEP = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('request' as const), by: login, to: login }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('ok' as const, 'ko' as const), by: login, to: login }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('close' as const), by: login, nth: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('leave' as const, 'reset' as const), by: login }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(1, 1_000, 30_000, MINUTE_MS - 1, MINUTE_MS, MINUTE_MS + 1),
    }),
  },
);
type Step = typeof STEP extends fc.Arbitrary<infer S> ? S : never;

interface ModelChannel {
  readonly requester: { session: number; login: string };
  readonly target: { session: number; login: string };
  /** When its id runs out, or once it is over, when it is forgotten. */
  until: number;
  state: 'alive' | 'over' | 'forgotten';
}

/** Some of them in pairs: what is asked is answered by OK at once. */
const AGREE = fc.record({ by: login, to: login }).map(({ by, to }): Step[] => [
  { do: 'request', by, to },
  { do: 'ok', by: to, to: by },
]);
const COURSE = fc
  .array(fc.oneof({ weight: 3, arbitrary: STEP.map((step): Step[] => [step]) }, { weight: 1, arbitrary: AGREE }), {
    minLength: 5,
    maxLength: 60,
  })
  .map((steps) => steps.flat());

/** What the protocol says (P9, P10, P11, P15, and P5 for what is late), as simply as it can be said. */
class Model {
  now = 0;
  forbidden = 0;
  readonly channels: ModelChannel[] = [];
  /** What each login is sent, as text; where an id is given out, the channel's number. */
  sent: [to: string, what: string][] = [];
  #sessions = 0;
  readonly #session = new Map<string, number>();
  #pending: { from: string; to: string; until: number }[] = [];
  readonly #late = new Map<string, { count: number; until: number }>();

  join(who: string): void {
    this.#session.set(who, (this.#sessions += 1));
    this.#late.delete(who);
  }

  leave(who: string): void {
    for (const { from, to } of this.#pending) {
      if (to === who) this.#send(from, `KO ${from} ${to}`);
      else if (from === who) this.#giveUp(to);
    }
    this.#pending = this.#pending.filter(({ from, to }) => from !== who && to !== who);
  }

  request(by: string, to: string): void {
    if (by === to || this.#find(by, to)) return;
    const made = this.#pending.filter(({ from }) => from === by).length;
    if (made >= MAX.made) return this.#send(by, `KO ${by} ${to}`);
    this.#pending.push({ from: by, to, until: this.now + MINUTE_MS });
    this.#send(to, `REQUEST ${by} ${to}`);
  }

  answer(by: string, to: string, ok: boolean): void {
    const request = this.#find(to, by);
    if (!request) return this.#unasked(by);
    this.#pending = this.#pending.filter((each) => each !== request);
    const requester = { session: this.#session.get(to)!, login: to };
    const target = { session: this.#session.get(by)!, login: by };
    const alive = this.channels.filter(({ state }) => state === 'alive');
    const has = (channel: ModelChannel, { session }: { session: number }): boolean =>
      channel.requester.session === session || channel.target.session === session;
    const full =
      [requester, target].some((party) => alive.filter((each) => has(each, party)).length >= MAX.ids) ||
      alive.filter((each) => has(each, requester) && has(each, target)).length >= MAX.pair;
    if (!ok || full) return this.#send(to, `KO ${to} ${by}`);
    this.channels.push({ requester, target, until: this.now + MINUTE_MS, state: 'alive' });
    for (const party of [to, by]) this.#send(party, `ID ${to} ${by} ${this.channels.length - 1}`);
  }

  close(by: string, number: number): void {
    const channel = this.channels[number]!;
    const parties = [channel.requester.login, channel.target.login];
    if (!parties.includes(by) || channel.state === 'forgotten') {
      this.forbidden += 1;
    } else if (channel.state === 'alive') {
      this.#send(
        parties.find((party) => party !== by)!,
        `ACCEPT_CLOSE ${by}`,
      );
      this.#end(channel);
    }
  }

  wait(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const next = Math.min(
        ...this.#pending.map(({ until }) => until),
        ...this.channels.filter(({ state }) => state !== 'forgotten').map(({ until }) => until),
      );
      if (next > end) break;
      this.now = next;
      for (const { from, to } of this.#pending.filter(({ until }) => until === next)) {
        this.#send(from, `KO ${from} ${to}`);
        this.#giveUp(to);
      }
      this.#pending = this.#pending.filter(({ until }) => until !== next);
      for (const channel of this.channels.filter(({ until, state }) => until === next && state !== 'forgotten')) {
        if (channel.state === 'alive') this.#end(channel);
        else channel.state = 'forgotten';
      }
    }
    this.now = end;
  }

  #end(channel: ModelChannel): void {
    channel.state = 'over';
    channel.until = this.now + MINUTE_MS;
  }

  #find(from: string, to: string) {
    return this.#pending.find((each) => each.from === from && each.to === to);
  }

  #giveUp(to: string): void {
    const late = this.#late.get(to);
    const count = late && late.until > this.now ? late.count : 0;
    this.#late.set(to, { count: count + 1, until: this.now + MINUTE_MS });
  }

  #unasked(by: string): void {
    const late = this.#late.get(by);
    if (late && late.count > 0 && late.until > this.now) late.count -= 1;
    else this.forbidden += 1;
  }

  #send(to: string, what: string): void {
    this.sent.push([to, what]);
  }
}

/** The server under test, with a client for each login. */
class Course {
  readonly rig: Rig;
  readonly peers = new Map<string, RfcPeer>();
  readonly ids: bigint[] = [];
  #marks = 0;

  constructor(rig: Rig) {
    this.rig = rig;
  }

  async join(name: string): Promise<void> {
    this.peers.set(name, await this.rig.join(name));
  }

  /** All that a client has been sent: what it tells itself comes last. */
  async received(name: string): Promise<string[]> {
    const peer = this.peers.get(name)!;
    const mark = `mark ${(this.#marks += 1)}`;
    peer.tell(name, mark);
    const words: string[] = [];
    for (;;) {
      const got: Packet = await peer.next();
      if (got.op === 4 && got.msg === mark) return words;
      words.push(this.#words(got));
    }
  }

  #words(got: Packet): string {
    if (got.op === 5) return `REQUEST ${got.requester} ${got.target}`;
    if (got.op === 7) return `KO ${got.requester} ${got.target}`;
    if (got.op === 12) return `ACCEPT_CLOSE ${got.target}`;
    if (got.op !== 8) return `packet ${got.op}`;
    if (!this.ids.includes(got.connectId)) this.ids.push(got.connectId);
    return `ID ${got.requester} ${got.target} ${this.ids.indexOf(got.connectId)}`;
  }
}

async function take(course: Course, model: Model, step: Step): Promise<void> {
  if (step.do === 'wait') {
    vi.advanceTimersByTime(step.ms);
    return model.wait(step.ms);
  }
  const { by } = step;
  const peer = course.peers.get(by)!;
  if (step.do === 'request') {
    peer.request(step.to);
    model.request(by, step.to);
  } else if (step.do === 'ok' || step.do === 'ko') {
    peer[step.do](step.to);
    model.answer(by, step.to, step.do === 'ok');
  } else if (step.do === 'close') {
    if (course.ids.length === 0) return;
    const number = step.nth % course.ids.length;
    const { requester, target } = model.channels[number]!;
    peer.close(course.ids[number]!, requester.login, target.login);
    model.close(by, number);
  } else {
    const left = once(course.rig.server, 'left');
    if (step.do === 'leave') peer.end();
    else peer.socket.resetAndDestroy();
    await left;
    model.leave(by);
    await course.join(by);
    model.join(by);
  }
  await course.received(by).then((words) => early.set(by, words));
}
/** What the one who acted has received before the others are looked at: its own packet has been handled then. */
const early = new Map<string, string[]>();

it('[P5][P9][P10][P11][P15] whatever three clients ask, answer, close and leave, in any order, each is sent what the rules say', async () => {
  stopTheClock();
  await fc.assert(
    fc.asyncProperty(COURSE, async (steps) => {
      const rig = await Rig.start(LIMITS);
      const [course, model] = [new Course(rig), new Model()];
      for (const name of LOGINS) {
        await course.join(name);
        model.join(name);
      }
      for (const step of steps) {
        model.sent = [];
        early.clear();
        await take(course, model, step);
        for (const name of LOGINS) {
          const words = [...(early.get(name) ?? []), ...(await course.received(name))];
          const expected = model.sent.filter(([to]) => to === name).map(([, what]) => what);
          expect([name, step, words]).toEqual([name, step, expected]);
        }
        expect([step, (await rig.stats()).forbidden]).toEqual([step, model.forbidden]);
      }
      for (const peer of course.peers.values()) peer.destroy();
      const closed = rig.server.close();
      vi.advanceTimersByTime(2_000);
      await closed;
    }),
    { numRuns: 60 },
  );
}, 60_000);
