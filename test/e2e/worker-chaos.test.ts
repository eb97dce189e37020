/** Workers are killed while clients do all that they can; what must hold holds for those who are with others. */
import { expect, onTestFinished, test } from 'vitest';
import { RfcPeer } from '../support/rfc-peer.ts';
import { startServer } from './chatosbot.ts';
import { workersOf } from './worker-processes.ts';

const MINUTES = Number(process.env['CHATOSBOT_CHAOS_MINUTES'] ?? 0.1);
const SEED = Number(process.env['CHATOSBOT_CHAOS_SEED'] ?? 1);
const KILL_MS = 1_000;
const TALKERS = 9;
const RACERS = 8;

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
    const counts = { kills: 0, logins: 0, heard: 0, thrones: 0 };
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
          if (number % 20 === 0) await pause(1);
        }
        me.destroy();
        await listening;
      }
    };

    let holder: { readonly name: string; isOver: boolean; isOvertaken: boolean } | undefined;
    const race = async (name: string): Promise<void> => {
      while (!isOver()) {
        const me = await RfcPeer.connect(port).catch(() => undefined);
        if (!me) continue;
        onTestFinished(me.destroy);
        while (!isOver()) {
          const granted = await me.login('throne').catch(() => undefined);
          if (granted === undefined) break;
          if (!granted) {
            await pause(5);
            continue;
          }
          const mine = { name, isOver: false, isOvertaken: false };
          if (holder && !holder.isOver) holder.isOvertaken = true;
          holder = mine;
          counts.thrones += 1;
          await Promise.race([pause(random() * 20), me.ended]);
          // One whose worker has been killed may learn it a moment later; another one has no excuse.
          const isLost = (): Promise<boolean> =>
            Promise.race([me.ended.then(() => true), pause(500).then(() => false)]);
          if (mine.isOvertaken && !(await isLost())) faults.push(`${name} and another one had the throne`);
          mine.isOver = true;
          break;
        }
        me.end();
        await me.ended;
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
    ]);
    process.stdout.write(`chaos of seed ${SEED}: ${JSON.stringify(counts)}\n`);
    expect(faults).toEqual([]);
    expect(counts.kills).toBeGreaterThan(0);
    expect(counts.thrones).toBeGreaterThan(0);
    command.kill('SIGTERM');
    expect(await command.exit()).toMatchObject({ status: 0 });
  },
  MINUTES * 60_000 + 120_000,
);
