/** Nodes, workers and NATS break while clients do all that they can; nothing may be wrong, but sessions may end. */
import { createHash } from 'node:crypto';
import { expect, onTestFailed, onTestFinished, test } from 'vitest';
import { Broker } from '../../src/cluster/nats/broker.ts';
import { Bucket } from '../../src/cluster/nats/bucket.ts';
import { TcpTransport } from '../../src/net/tcp-transport.ts';
import { NO_REPLICAS } from '../support/nats-cluster.ts';
import { NO_NATS } from '../support/nats-server.ts';
import { openHalf, RfcPeer } from '../support/rfc-peer.ts';
import { hashOf, pattern } from '../support/server-sockets.ts';
import { pause, startOneBroker, startThreeBrokers, type ChaosBrokers } from './broker-faults.ts';
import { breakThings, ChaosNode, gapsOf, randomFrom, tracesIn } from './cluster-faults.ts';
import { LEASE_MS } from './cluster-nodes.ts';
import { Throne } from './throne.ts';

const MINUTES = Number(process.env['CHATOSBOT_CHAOS_MINUTES'] ?? 0.25);
const SEED = Number(process.env['CHATOSBOT_CHAOS_SEED'] ?? 1);
/** It goes on until so many logins that several want were granted. */
const LOGINS = Number(process.env['CHATOSBOT_CHAOS_LOGINS'] ?? 1);
/** How long each of them may take on average, in milliseconds: about ten times what it does. */
const LOGIN_MS = 60;
/** On how many servers of NATS records are. */
const REPLICAS = Number(process.env['CHATOSBOT_CHAOS_REPLICAS'] ?? 1);
/** In the short form, the same breaks while clients do less. */
const IS_SHORT = MINUTES <= 0.25 && LOGINS === 1;
const [TALK_MS, CLAIM_MS, PIECE_MS] = IS_SHORT ? [50, 25, 25] : [25, 10, 10];
/** Of each node: what is between workers of a node, one of them shows. */
const WORKERS = IS_SHORT ? [2, 1, 1] : [2, 2, 2];
const TALKERS = 6;
/** Logins that several want, and by how many each is wanted. Three NATS servers write each record three times. */
const [THRONES, RIVALS] = LOGINS > 1_000 ? [REPLICAS > 1 ? 16 : 64, 3] : [1, 8];
const ASKERS = 4;
const PIPES = 3;
const PIECE_BYTES = IS_SHORT ? 32 * 1024 : 64 * 1024;
const BYTES = pattern(48 * PIECE_BYTES);
/** A node may be stopped for two leases, and then be told that its lease is over. */
const LATE_MS = 2 * LEASE_MS + 4_000;
/** A request has ended within its time-out, or within the lease of the node that has died. */
const ANSWER_MS = 4_000 + LATE_MS;
/** What breaks next may come before a client has its turn: more often in hundreds of faults, or where NATS takes longer to be one again. */
const STUCK_MS = REPLICAS > 1 || LOGINS > 1_000 ? 120_000 : 45_000;
const PATIENCE = { timeoutMs: 5_000 };

/** Something that was not heard: several faults in a row may keep two nodes apart for longer than a lease, and they say so. */
interface Missed {
  readonly what: string;
  /** Between which nodes, and when. */
  readonly nodes: readonly (string | undefined)[];
  readonly from: number;
  readonly to: number;
}

interface Last {
  readonly number: number;
  readonly at: number;
}

class Chaos {
  readonly faults: string[] = [];
  readonly missed: Missed[] = [];
  lostRaces = 0;
  readonly thrones = Array.from({ length: THRONES }, () => new Throne(LATE_MS));
  readonly counts = { logins: 0, heard: 0, told: 0, asked: 0, ids: 0, refused: 0, whole: 0, broken: 0 };
  longestWaitMs = 0;
  readonly #nodes: readonly ChaosNode[];
  readonly #random: () => number;
  readonly isOver: () => boolean;
  /** How many requests of a session have come to their targets, by requester. */
  readonly #arrived = new Map<string, number>();
  readonly #answering = new Map<string, RfcPeer>();
  /** At which node each session of a talker is. */
  readonly #at = new Map<string, string | undefined>();

  constructor(nodes: readonly ChaosNode[], random: () => number, isOver: () => boolean) {
    this.#nodes = nodes;
    this.#random = random;
    this.isOver = isOver;
  }

  async connect(): Promise<RfcPeer | undefined> {
    const { port } = this.#nodes[Math.floor(this.#random() * this.#nodes.length)]!;
    const me = await RfcPeer.connect(port).catch(() => undefined);
    if (!me) await pause(50);
    return me;
  }

  /** Logs in as soon as that is granted; nobody else wants the login. */
  async logIn(name: string): Promise<RfcPeer> {
    const since = performance.now();
    const tries: string[] = [];
    for (;;) {
      const me = await this.connect();
      const at = me ? this.#nodeOf(me) : 'some node';
      const outcome = await me?.login(name, PATIENCE).catch(() => 'no answer');
      if (me && outcome === true) {
        this.counts.logins += 1;
        this.longestWaitMs = Math.max(this.longestWaitMs, performance.now() - since);
        return me;
      }
      const why = outcome === false ? 'refused' : (outcome ?? 'no connection');
      tries.push(`${Math.round(performance.now() - since)} ms: ${why} at ${at}`);
      me?.destroy();
      if (performance.now() - since > STUCK_MS) throw new Error(`${name} could not log in: ${tries.join(', ')}`);
      await pause(50);
    }
  }

  #nodeOf({ socket }: RfcPeer): string | undefined {
    return this.#nodes.find(({ port }) => port === socket.remotePort)?.name;
  }

  /** What one says, to everyone and to the next one, is numbered: who hears of a session hears all that follows. */
  async talk(index: number): Promise<void> {
    const name = `talker-${index}`;
    for (let session = 1; !this.isOver(); session++) {
      const me = await this.logIn(name);
      this.#at.set(`${name} ${session}`, this.#nodeOf(me));
      const follow = (kind: 'heard' | 'told', last: Map<string, Last>, login: string, msg: string): void => {
        const [of, number] = msg.split(' ').map(Number) as [number, number];
        const from = `${login} ${of}`;
        const before = last.get(from);
        const now = Date.now();
        last.set(from, { number, at: now });
        this.counts[kind] += 1;
        if (!before || number === before.number + 1) return;
        const what = `${name} ${session} has ${kind} of ${from}: ${before.number}, then ${number}`;
        const nodes = [this.#at.get(`${name} ${session}`), this.#at.get(from)];
        if (number > before.number) this.missed.push({ what, nodes, from: before.at, to: now });
        else this.faults.push(what);
      };
      const [heard, told] = [new Map<string, Last>(), new Map<string, Last>()];
      const hearing = (async () => {
        for (;;) {
          const { login, msg } = await me.next(3, { timeoutMs: 600_000 });
          if (login.startsWith('talker-')) follow('heard', heard, login, msg);
        }
      })().catch(() => undefined);
      const hearingOne = (async () => {
        for (;;) {
          const { sender, msg } = await me.next(4, { timeoutMs: 600_000 });
          follow('told', told, sender, msg);
        }
      })().catch(() => undefined);
      for (let number = 0; me.socket.readable && !this.isOver(); number++) {
        me.say(`${session} ${number}`);
        me.tell(`talker-${(index + 1) % TALKERS}`, `${session} ${number}`);
        await pause(TALK_MS);
      }
      me.destroy();
      await Promise.all([hearing, hearingOne]);
    }
  }

  /** How many logins were granted that several wanted. */
  get wonRaces(): number {
    return this.thrones.reduce((sum, { count }) => sum + count, 0);
  }

  /** All want the same login; the one that has it keeps it for a moment. */
  async race(name: string, index: number): Promise<void> {
    const throne = this.thrones[index]!;
    while (!this.isOver()) {
      const me = await this.connect();
      if (!me) continue;
      while (!this.isOver()) {
        const granted = await me.login(`throne-${index}`, PATIENCE).catch(() => undefined);
        if (granted === undefined) break;
        if (!granted) {
          this.lostRaces += 1;
          await pause(CLAIM_MS);
          continue;
        }
        await throne.have(name, me, this.#random() * 40);
        break;
      }
      me.end();
      await Promise.race([me.ended, pause(LATE_MS)]);
      me.destroy();
    }
  }

  /** Answers some, and leaves others to their time-out. */
  async answer(name: string): Promise<void> {
    while (!this.isOver()) {
      const me = await this.logIn(name);
      this.#answering.set(name, me);
      try {
        for (;;) {
          const { requester } = await me.next(5, { timeoutMs: 600_000 });
          this.#arrived.set(requester, (this.#arrived.get(requester) ?? 0) + 1);
          const how = this.#random();
          if (how < 0.4) me.ok(requester);
          else if (how < 0.8) me.ko(requester);
        }
      } catch {
        me.destroy();
      }
    }
  }

  /** Nobody asks any more. */
  dismissAnswering(): void {
    for (const me of this.#answering.values()) me.destroy();
  }

  /** Each request that has come to its target ends in exactly one answer. */
  async ask(name: string, targets: readonly string[]): Promise<void> {
    for (let session = 1; !this.isOver(); session++) {
      const mine = `${name}-${session}`;
      const me = await this.logIn(mine);
      while (me.socket.readable && !this.isOver()) {
        const target = targets[Math.floor(this.#random() * targets.length)]!;
        const before = this.#arrived.get(mine) ?? 0;
        me.request(target);
        const answers = [me.next(7, { timeoutMs: ANSWER_MS }), me.next(8, { timeoutMs: ANSWER_MS })];
        for (const each of answers) each.catch(() => undefined);
        // One that has not come to its target has no answer: whoever asks may ask again.
        const arrived = async (): Promise<boolean> => {
          for (let tries = 0; tries < 60 && (this.#arrived.get(mine) ?? 0) === before; tries++) await pause(50);
          return (this.#arrived.get(mine) ?? 0) > before;
        };
        const first = Promise.any(answers).then(({ op }) => op);
        first.catch(() => undefined);
        const isAsked = await Promise.race([arrived(), first.then(() => true), me.ended.then(() => false)]);
        if (!isAsked) {
          if (me.socket.readable) break;
          continue;
        }
        this.counts.asked += 1;
        const op = await first.catch(() => undefined);
        if (op === 8) this.counts.ids += 1;
        else if (op === 7) this.counts.refused += 1;
        else if (me.socket.readable)
          this.faults.push(`${mine} has no answer of ${target} within ${ANSWER_MS / 1000} s`);
        // The other one must not come.
        const rest = op === 7 ? answers[1] : answers[0];
        const second = await Promise.race([
          rest!.then(
            () => true,
            () => false,
          ),
          pause(20).then(() => false),
        ]);
        if (second && op !== undefined) this.faults.push(`${mine} has two answers of ${target}`);
        if (!second) break;
      }
      me.end();
      await Promise.race([me.ended, pause(PATIENCE.timeoutMs)]);
      me.destroy();
    }
  }

  async pipe(name: string): Promise<void> {
    for (let session = 1; !this.isOver(); session++) {
      const [one, other] = await Promise.all([this.logIn(`${name}-a${session}`), this.logIn(`${name}-b${session}`)]);
      this.counts[await this.transfer(one, other).catch(() => 'broken' as const)] += 1;
      one.destroy();
      other.destroy();
    }
  }

  /** What has come of it: all bytes and an end, or a break; an end without all bytes is a fault (P14). */
  async transfer(one: RfcPeer, other: RfcPeer): Promise<'whole' | 'broken'> {
    one.request(other.name);
    await other.next(5, PATIENCE);
    other.ok(one.name);
    const { connectId } = await other.next(8, PATIENCE);
    const ports = [0, 0].map(() => this.#nodes[Math.floor(this.#random() * this.#nodes.length)]!.port);
    const halves = await Promise.allSettled(ports.map((port) => openHalf(port, connectId, { timeoutMs: 20_000 })));
    const open = halves.flatMap((half) => (half.status === 'fulfilled' ? [half.value] : []));
    try {
      const [from, to] = open;
      if (!from || !to) return 'broken';
      const hash = createHash('sha256');
      to.on('data', (chunk: Buffer) => hash.update(chunk));
      const ended = new Promise<'end' | 'break'>((resolve) => {
        new TcpTransport(to).onEnd(() => resolve('end'));
        to.once('close', () => resolve('break'));
      });
      for (let at = 0; at < BYTES.length && !from.destroyed; at += PIECE_BYTES) {
        from.write(BYTES.subarray(at, at + PIECE_BYTES));
        await pause(PIECE_MS);
      }
      from.end();
      const how = await Promise.race([ended, pause(60_000).then(() => 'late' as const)]);
      if (how === 'late') this.faults.push('a channel has neither ended nor broken within 60 s');
      if (how !== 'end') return 'broken';
      if (hash.digest('hex') !== hashOf(BYTES).sha256)
        this.faults.push('a channel has ended, and not all bytes have come');
      return 'whole';
    } finally {
      for (const half of open) half.destroy();
    }
  }
}

test.skipIf(REPLICAS > 1 ? NO_REPLICAS : NO_NATS)(
  'whatever breaks, no login is held twice, nothing is heard out of order, nobody waits for ever, no end is a break',
  async () => {
    const random = randomFrom(SEED);
    const nats = await (REPLICAS > 1 ? startThreeBrokers() : startOneBroker());
    const nodes = await Promise.all(['a', 'b', 'c'].map((name, i) => ChaosNode.start(name, nats, WORKERS[i]!)));
    const startedAt = performance.now();
    const until = startedAt + MINUTES * 60_000;
    let isOver = false;
    const chaos = new Chaos(nodes, random, () => isOver);
    onTestFailed(() => {
      for (const { name, log } of nodes)
        process.stdout.write(`--- node ${name}\n${log.split('\n').slice(-100).join('\n')}\n`);
    });
    // All can log in.
    for (const each of ['one', 'two', 'three']) (await chaos.logIn(each)).destroy();
    const targets = Array.from({ length: ASKERS }, (_, i) => `target-${i}`);
    const answering = Promise.all(targets.map((name) => chaos.answer(name)));
    const breaking = breakThings(nodes, nats, random, () => performance.now() >= until && chaos.wonRaces >= LOGINS);
    const [broken] = await Promise.all([
      breaking.finally(() => (isOver = true)),
      ...Array.from({ length: TALKERS }, (_, i) => chaos.talk(i)),
      ...Array.from({ length: THRONES * RIVALS }, (_, i) => chaos.race(`racer-${i}`, i % THRONES)),
      ...Array.from({ length: ASKERS }, (_, i) => chaos.ask(`asker-${i}`, targets)),
      ...Array.from({ length: PIPES }, (_, i) => chaos.pipe(`pipe-${i}`)),
    ]);
    chaos.dismissAnswering();
    await answering;
    const faults = [...chaos.faults, ...chaos.thrones.flatMap((throne) => throne.faults)];
    const gaps = nodes.flatMap((node) => gapsOf(node));
    const isTold = ({ nodes: between, from, to }: Missed): boolean =>
      gaps.some((gap) => gap.nodes.every((node) => between.includes(node)) && gap.at > from - 2_000 && gap.at <= to);
    faults.push(...chaos.missed.filter((each) => !isTold(each)).map(({ what }) => what));
    const { counts, missed, wonRaces, lostRaces } = chaos;
    const longestWaitMs = Math.round(chaos.longestWaitMs);
    const seen = {
      wonRaces,
      lostRaces,
      ...counts,
      missed: missed.length,
      gaps: gaps.length,
      longestWaitMs,
      seconds: Math.round((performance.now() - startedAt) / 1000),
    };
    process.stdout.write(`chaos of seed ${SEED}: ${JSON.stringify(seen)}\nbroken: ${JSON.stringify(broken)}\n`);
    expect(faults).toEqual([]);
    expect(wonRaces).toBeGreaterThanOrEqual(LOGINS);
    for (const { log } of nodes) expect(tracesIn(log)).toEqual([]);
    // All is well again, as soon as the last fault is over for all.
    const transferAgain = async (): Promise<string> => {
      const last = await Promise.all([chaos.logIn('last-one'), chaos.logIn('last-other')]);
      const outcome = await chaos.transfer(...last);
      for (const each of last) each.destroy();
      return outcome;
    };
    await expect.poll(transferAgain, { timeout: 60_000 }).toBe('whole');
    // Nobody is there any more: the nodes see to it that nothing is left, also of those that were killed.
    const logins = await loginsIn(nats);
    await expect.poll(() => recordsIn(logins), { timeout: 30_000 }).toEqual([]);
    await Promise.all(nodes.map((node) => node.end()));
    expect(await recordsIn(logins)).toEqual([]);
  },
  MINUTES * 60_000 + LOGINS * LOGIN_MS + 240_000,
);

async function loginsIn({ urls }: ChaosBrokers): Promise<Bucket> {
  const broker = await Broker.connect({ servers: urls }, 'test', 5_000);
  onTestFinished(() => broker.close());
  return Bucket.open(broker, 'chatos_logins', 0);
}

/** What logins are somebody's; before each is what kind of record it is. */
async function recordsIn(logins: Bucket): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of logins.records()) {
    keys.push(key[0]! + Buffer.from(key.slice(1), 'base64url').toString());
  }
  return keys;
}
