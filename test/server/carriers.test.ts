import { expect, it, onTestFinished, vi } from 'vitest';
import { Receivers } from '../../src/net/receivers.ts';
import { Carriers, type Carrier } from '../../src/server/carriers.ts';
import { EVERYONE } from '../../src/server/limits/readers.ts';
import { Source } from '../../src/server/limits/source-account.ts';

const MIB = 1024 * 1024;
const FRAME = 1000;

function readers() {
  const limits = { maxQueuedBytes: MIB, maxTotalQueuedBytes: 64 * MIB, writeTimeoutMs: 30_000 };
  const carriers = new Carriers(new Receivers(limits));
  const reader = (id: string, exempt: boolean) => ({
    id,
    login: id,
    remoteAddress: '192.0.2.1',
    longBytes: 4 as const,
    fingerprint: undefined,
    encrypted: false,
    source: new Source('192.0.2.1', exempt, () => undefined),
  });
  return { carriers, trusted: reader('trusted', true), stranger: reader('stranger', false) };
}

/** Brings as much as it may, in frames of a kilobyte. */
class Brought implements Carrier {
  bytes = 0;
  isLate = false;
  #isPaused = false;
  readonly #bring: (carrier: Carrier) => void;

  constructor(bring: (carrier: Carrier) => void) {
    this.#bring = bring;
  }

  pause(): void {
    this.#isPaused = true;
  }

  release(): void {
    this.#isPaused = false;
    this.go();
  }

  /** Up to a mebibyte. Returns whether it was let. */
  go(): boolean {
    for (let left = MIB; left > 0 && !this.#isPaused; left -= FRAME) {
      this.bytes += FRAME;
      this.#bring(this);
    }
    return !this.#isPaused;
  }
}

function stopTheClock(): void {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
}

it('[P17] hold a carrier to an eighth of maxQueuedBytes a second while an exempt reader is behind, and to nothing then', () => {
  stopTheClock();
  const { carriers, trusted } = readers();
  const carrier = new Brought((from) => carriers.brought(EVERYONE, FRAME, from));
  expect(carrier.go()).toBe(true);
  carriers.set(trusted, true);
  carrier.bytes = 0;
  expect(carrier.go()).toBe(false);
  vi.advanceTimersByTime(10_000);
  expect(carrier.bytes).toBeGreaterThan((8 * MIB) / 8);
  expect(carrier.bytes).toBeLessThan((11 * MIB) / 8);
  carriers.set(trusted, false);
  vi.advanceTimersByTime(50);
  expect(carrier.go()).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});

it('[P17] hold all carriers together to that', () => {
  stopTheClock();
  const { carriers, trusted } = readers();
  carriers.set(trusted, true);
  const all = Array.from({ length: 10 }, () => new Brought((from) => carriers.brought(EVERYONE, FRAME, from)));
  for (const each of all) each.go();
  vi.advanceTimersByTime(20_000);
  const sum = all.reduce((bytes, each) => bytes + each.bytes, 0);
  expect(sum).toBeLessThan((22 * MIB) / 8);
  for (const each of all) expect(each.bytes).toBeGreaterThan(sum / 20);
});

it('[P17] make a carrier wait for strangers only where it was cut lately', () => {
  const { carriers, stranger } = readers();
  const carrier = new Brought((from) => carriers.brought(EVERYONE, FRAME, from));
  carriers.set(stranger, true);
  expect(carrier.go()).toBe(true);
  carrier.isLate = true;
  expect(carrier.go()).toBe(false);
});

it('[P17] make a carrier wait for those alone that get what it brings', () => {
  const { carriers, trusted, stranger } = readers();
  const carrier = new Brought((from) => carriers.brought('stranger', FRAME, from));
  carriers.set(trusted, true);
  expect(carrier.go()).toBe(true);
  carriers.set({ ...stranger, source: trusted.source }, true);
  expect(carrier.go()).toBe(false);
});
