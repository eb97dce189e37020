import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CONNECT_ID_KEY_BYTES, ConnectIdCipher, HomeOfIds, MAX_HOMES } from '../../src/cluster/connect-id-cipher.ts';
import { ConnectIds } from '../../src/server/channels/connect-ids.ts';
import type { ConnectedClient } from '../../src/server/directory.ts';
import { DEFAULT_SERVER_LIMITS } from '../../src/server/limits/server-limits.ts';
import type { ConnectIdHomes } from '../../src/server/others.ts';

const KEY = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
const newKey = (): Buffer => randomBytes(CONNECT_ID_KEY_BYTES);
const MAX = { 4: 2n ** 31n, 8: 2n ** 63n } as const;

function clientOf(id: string, longBytes: 4 | 8): ConnectedClient {
  const never = (): never => {
    throw new Error('nothing is sent here');
  };
  const to = { send: never, sendBytes: never, flush: never };
  return { id, login: id, key: id, remoteAddress: '192.0.2.1', longBytes, ...to };
}

describe.each([4, 8] as const)('[P1][P11] connect ids of %i bytes, of one of several processes,', (longBytes) => {
  it('are positive, fit, and say to all processes of the server where their channel is', () => {
    const other = new HomeOfIds(5, KEY);
    for (const home of [0, 1, 63, 64, 4_711, MAX_HOMES - 1]) {
      const homes = new HomeOfIds(home, KEY);
      for (let i = 0; i < 100; i++) {
        const id = homes.draw(longBytes);
        expect(id > 0n && id < MAX[longBytes]).toBe(true);
        expect(other.of(id)).toBe(home);
        expect(homes.isHere(id)).toBe(true);
        expect(other.isHere(id)).toBe(false);
      }
    }
  });

  it('of two processes are never the same, nor are those of one often', () => {
    const [one, two] = [new HomeOfIds(1, KEY), new HomeOfIds(2, KEY)];
    const draw = (homes: HomeOfIds): Set<bigint> => new Set(Array.from({ length: 2_000 }, () => homes.draw(longBytes)));
    const [ofOne, ofTwo] = [draw(one), draw(two)];
    // Of 131,072, some are drawn twice: about 15 of 2,000.
    expect(ofOne.size).toBeGreaterThan(1_900);
    expect(Array.from(ofOne).filter((id) => ofTwo.has(id))).toEqual([]);
  });

  it('say nothing to those who have another key', () => {
    const [one, other] = [new HomeOfIds(9, newKey()), new HomeOfIds(9, newKey())];
    const known = Array.from({ length: 2_000 }, () => one.draw(longBytes)).filter((id) => other.isHere(id));
    // One of 16,384 by chance.
    expect(known.length).toBeLessThan(8);
  });

  it('look random: each bit is set in half of them, whichever process they are of', () => {
    const count = 4_000;
    const bits = longBytes === 4 ? 31 : 63;
    for (const home of [0, MAX_HOMES - 1]) {
      const set = Array.from({ length: bits }, () => 0);
      const homes = new HomeOfIds(home, newKey());
      for (let i = 0; i < count; i++) {
        const id = homes.draw(longBytes);
        for (let bit = 0; bit < bits; bit++) set[bit]! += Number((id >> BigInt(bit)) & 1n);
      }
      for (const times of set) expect(Math.abs(times / count - 0.5)).toBeLessThan(0.05);
    }
  });
});

it('[P12] guesses hit ids of four bytes as seldom as where ids are random', () => {
  // 20,000 alive, of 2 processes: 200,000 guesses should hit 1.9 of them.
  const key = newKey();
  const alive = new Set<bigint>();
  for (const home of [3, 70]) {
    const homes = new HomeOfIds(home, key);
    const goal = alive.size + 10_000;
    while (alive.size < goal) alive.add(homes.draw(4));
  }
  const known = [...alive].slice(0, 100);
  const GUESSES = 200_000;
  const random = new Uint32Array(new Uint8Array(randomBytes(4 * GUESSES)).buffer);
  const guesses: ((i: number) => bigint)[] = [
    (i) => BigInt(random[i]! >>> 1),
    // Beside one that was seen: what is near it is nobody's.
    () => known[Math.floor(Math.random() * known.length)]! ^ BigInt(1 + Math.floor(Math.random() * 65_535)),
  ];
  for (const guess of guesses) {
    let hits = 0;
    for (let i = 0; i < GUESSES; i++) if (alive.has(guess(i))) hits += 1;
    expect(hits).toBeLessThan(15);
  }
});

it('a cipher opens every id that it makes, at both ends of what there is', () => {
  const cipher = new ConnectIdCipher(KEY);
  const seen = new Map<number, number>();
  // A part of all ids of four bytes: each is somebody's, and none of more than one.
  for (let id = 1n; id <= 50_000n; id++) {
    const home = cipher.homeOf(id)!;
    seen.set(home, (seen.get(home) ?? 0) + 1);
  }
  expect([...seen.keys()].filter((home) => !(home >= 0 && home < MAX_HOMES))).toEqual([]);
  // Three for each, on average.
  expect(seen.size).toBeGreaterThan(15_000);
  for (const id of [0n, -1n, -(2n ** 62n), 2n ** 63n]) expect(cipher.homeOf(id)).toBeUndefined();
  for (const id of [2n ** 31n - 1n, 2n ** 31n, 2n ** 63n - 1n]) expect(cipher.homeOf(id)).toBeTypeOf('number');
});

describe('a process whose ids are nearly all in use', () => {
  const few = (count: bigint): ConnectIdHomes => {
    let last = 0n;
    return { isHere: () => true, draw: () => (last = (last % count) + 1n) };
  };
  it('makes what is left of them, and then says that there is none, at once', () => {
    const ids = new ConnectIds({ ...DEFAULT_SERVER_LIMITS, maxConnectIds: 1_000 }, few(100n));
    const [one, two] = [clientOf('1', 4), clientOf('2', 8)];
    const made = new Set(Array.from({ length: 100 }, () => ids.create(one, two)?.id));
    expect(made.size).toBe(100);
    expect(ids.create(one, two)).toBeUndefined();
  });
});
