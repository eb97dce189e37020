/** Workers are killed while clients do all that they can; what must hold holds for those who are with others. */
import { createHash } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { TcpTransport } from '../../src/net/tcp-transport.ts';
import { openHalf, RfcPeer } from '../support/rfc-peer.ts';
import { hashOf, pattern } from '../support/server-sockets.ts';
import { startServer } from './chatosbot.ts';
import { Throne } from './throne.ts';
import { workersOf } from './worker-processes.ts';

const MINUTES = Number(process.env['CHATOSBOT_CHAOS_MINUTES'] ?? 0.1);
const SEED = Number(process.env['CHATOSBOT_CHAOS_SEED'] ?? 1);
const KILL_MS = 1_000;
/** How long clients rest between what they do: more of it shows the same more often. */
const [TALK_MS, CLAIM_MS] = MINUTES > 0.1 ? [1, 5] : [10, 15];
const TALKERS = 9;
const RACERS = 8;
const PIPES = 4;
/** For what does not come where a worker has been killed. */
const PATIENCE = { timeoutMs: 3_000 };
/** The connections of a worker have ended before anybody else knows that it was killed. */
const LATE_MS = 500;
const PIECE_BYTES = 64 * 1024;
const BYTES = pattern(64 * PIECE_BYTES);

/** Numbers from 0 to 1 that are the same again for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test(
  'workers that are killed leave no login with two, no gap in what others say, and no login stuck',
  async () => {
    const random = randomFrom(SEED);
    const { command, port } = await startServer(['--workers', '3']);
    const until = performance.now() + MINUTES * 60_000;
    const isOver = (): boolean => performance.now() >= until;
    const counts = { kills: 0, logins: 0, heard: 0, whole: 0, broken: 0 };
    const faults: string[] = [];

    /** Logs in at once, as nobody else has the login. */
    const logIn = async (name: string): Promise<RfcPeer | undefined> => {
      for (let attempt = 1; attempt <= 3; attempt++) {
        const me = await RfcPeer.connect(port).catch(() => undefined);
        if (!me) continue;
        onTestFinished(me.destroy);
        const granted = await me.login(name).catch(() => undefined);
        if (granted) {
          counts.logins += 1;
          return me;
        }
        // The worker that it came to was killed; a refusal is none.
        if (granted === false) faults.push(`${name} was refused its own login`);
      }
      faults.push(`${name} could not log in`);
      return undefined;
    };

    const talk = async (name: string): Promise<void> => {
      for (let session = 1; !isOver(); session++) {
        const me = await logIn(name);
        if (!me) return;
        const last = new Map<string, number>();
        const listening = (async () => {
          for (;;) {
            const { login, msg } = await me.next(3, { timeoutMs: 60_000 });
            const [of, number] = msg.split(' ').map(Number);
            const from = `${login} ${of}`;
            const before = last.get(from);
            if (before !== undefined && number !== before + 1) faults.push(`${name}: ${from}: ${before}, ${number}`);
            last.set(from, number!);
            counts.heard += 1;
          }
        })().catch(() => undefined);
        for (let number = 0; me.socket.readable && !isOver(); number++) {
          me.say(`${session} ${number}`);
          if (number % 20 === 0) await pause(TALK_MS);
        }
        me.destroy();
        await listening;
      }
    };

    const throne = new Throne(LATE_MS);
    const race = async (name: string): Promise<void> => {
      while (!isOver()) {
        const me = await RfcPeer.connect(port).catch(() => undefined);
        if (!me) continue;
        onTestFinished(me.destroy);
        while (!isOver()) {
          const granted = await me.login('throne').catch(() => undefined);
          if (granted === undefined) break;
          if (!granted) {
            await pause(CLAIM_MS);
            continue;
          }
          await throne.have(name, me, random() * 20);
          break;
        }
        me.end();
        await me.ended;
      }
    };

    /** What has come of it: all bytes and an end, or a break; an end without all bytes is a fault (P14). */
    const transfer = async (one: RfcPeer, other: RfcPeer): Promise<'whole' | 'broken'> => {
      one.request(other.name);
      await other.next(5, PATIENCE);
      other.ok(one.name);
      const { connectId } = await other.next(8, PATIENCE);
      const halves = await Promise.all([openHalf(port, connectId), openHalf(port, connectId)]);
      for (const half of halves) onTestFinished(() => void half.destroy());
      const [from, to] = halves;
      const hash = createHash('sha256');
      to.on('data', (chunk: Buffer) => hash.update(chunk));
      const ended = new Promise<'end' | 'break'>((resolve) => {
        new TcpTransport(to).onEnd(() => resolve('end'));
        to.once('close', () => resolve('break'));
      });
      for (let at = 0; at < BYTES.length && !from.destroyed; at += PIECE_BYTES) {
        from.write(BYTES.subarray(at, at + PIECE_BYTES));
        await pause(5);
      }
      from.end();
      const how = await ended;
      for (const half of halves) half.destroy();
      if (how === 'break') return 'broken';
      if (hash.digest('hex') !== hashOf(BYTES).sha256) faults.push('a channel has ended, and not all bytes have come');
      return 'whole';
    };

    const pipe = async (name: string): Promise<void> => {
      for (let session = 1; !isOver(); session++) {
        const [one, other] = [await logIn(`${name}-a${session}`), await logIn(`${name}-b${session}`)];
        if (!one || !other) return;
        counts[await transfer(one, other).catch(() => 'broken' as const)] += 1;
        one.destroy();
        other.destroy();
      }
    };

    const kill = async (): Promise<void> => {
      while (!isOver()) {
        await pause(KILL_MS * (0.5 + random()));
        const pids = workersOf(command.pid);
        const pid = pids[Math.floor(random() * pids.length)];
        // One is left: where all are killed at once, connections wait for a new one.
        if (pid === undefined || pids.length < 3) continue;
        process.kill(pid, 'SIGKILL');
        counts.kills += 1;
      }
    };

    await Promise.all([
      kill(),
      ...Array.from({ length: TALKERS }, (_, i) => talk(`talker-${i}`)),
      ...Array.from({ length: RACERS }, (_, i) => race(`racer-${i}`)),
      ...Array.from({ length: PIPES }, (_, i) => pipe(`pipe-${i}`)),
    ]);
    process.stdout.write(`chaos of seed ${SEED}: ${JSON.stringify({ ...counts, thrones: throne.count })}\n`);
    expect([...faults, ...throne.faults]).toEqual([]);
    expect(counts.kills).toBeGreaterThan(0);
    expect(throne.count).toBeGreaterThan(0);
    const last = [await logIn('last-one'), await logIn('last-other')] as const;
    expect(await transfer(last[0]!, last[1]!)).toBe('whole');
    command.kill('SIGTERM');
    expect(await command.exit()).toMatchObject({ status: 0 });
  },
  MINUTES * 60_000 + 120_000,
);
