import { describe, expect, it, vi } from 'vitest';
import { DEFAULT_SERVER_LIMITS, type ServerLimits } from '../../../src/server/limits/server-limits.ts';
import { Slowing, type Sender } from '../../../src/server/limits/slowing.ts';
import { stopTheClock } from '../../support/server-rig.ts';

const LIFTED: Partial<ServerLimits> = {
  messagesPerSecond: Infinity,
  bytesPerSecond: Infinity,
  messagesPerSecondPerAddress: Infinity,
  bytesPerSecondPerAddress: Infinity,
};

function slowingWith(limits: Partial<ServerLimits>) {
  const clock = { now: 7_000 };
  const slowing = new Slowing({ ...DEFAULT_SERVER_LIMITS, ...LIFTED, ...limits }, () => clock.now);
  return { slowing, clock };
}

function address(exempt = false) {
  return { messagesPaidAt: 0, bytesPaidAt: 0, exempt, roundAt: -Infinity, sharers: 0 };
}

it('a sender that is gone is not resumed, though its turn had come', async () => {
  stopTheClock();
  const { slowing } = slowingWith({});
  const resumed: string[] = [];
  const [gone, stays] = ['gone', 'stays'].map((name) => senderFrom(address(), () => void resumed.push(name)));
  for (const sender of [gone!, stays!]) slowing.wait(sender);
  vi.advanceTimersByTime(25);
  slowing.forget(gone!);
  await new Promise(setImmediate);
  expect(resumed).toEqual(['stays']);
  expect(vi.getTimerCount()).toBe(0);
});

function senderFrom(source = address(), resume = (): void => undefined): Sender {
  return { messagesPaidAt: 0, bytesPaidAt: 0, source, roundAt: 0, leftMs: 0, isHeldBack: false, resume };
}

describe('a sender', () => {
  it('[P17] exceeds its rate of packets after a burst, and has it back with time', () => {
    const { slowing, clock } = slowingWith({ messagesPerSecond: 10, messageBurst: 5 });
    const sender = senderFrom();
    for (let i = 0; i < 5; i++) expect(slowing.charge(sender, 1000)).toBeUndefined();
    expect(slowing.charge(sender, 1)).toBe('messagesPerSecond');
    clock.now += 200;
    expect(slowing.charge(sender, 1)).toBeUndefined();
    expect(slowing.charge(sender, 1)).toBe('messagesPerSecond');
    clock.now += 3_600_000;
    for (let i = 0; i < 5; i++) expect(slowing.charge(sender, 1)).toBeUndefined();
    expect(slowing.charge(sender, 1)).toBe('messagesPerSecond');
  });

  it('[P17] exceeds its rate of bytes', () => {
    const { slowing, clock } = slowingWith({ bytesPerSecond: 1000, byteBurst: 2000 });
    const sender = senderFrom();
    expect(slowing.charge(sender, 2000)).toBeUndefined();
    expect(slowing.charge(sender, 9)).toBe('bytesPerSecond');
    clock.now += 10;
    expect(slowing.charge(sender, 1)).toBeUndefined();
  });

  it('[P17] shares the rates of its address with the other senders from there', () => {
    const { slowing } = slowingWith({ messagesPerSecondPerAddress: 10, messageBurstPerAddress: 3 });
    const here = address();
    for (let i = 0; i < 3; i++) expect(slowing.charge(senderFrom(here), 1)).toBeUndefined();
    expect(slowing.charge(senderFrom(here), 1)).toBe('messagesPerSecondPerAddress');
    expect(slowing.charge(senderFrom(), 1)).toBeUndefined();
    const bytes = slowingWith({ bytesPerSecondPerAddress: 1000, byteBurstPerAddress: 1000 }).slowing;
    const there = address();
    expect(bytes.charge(senderFrom(there), 900)).toBeUndefined();
    expect(bytes.charge(senderFrom(there), 900)).toBe('bytesPerSecondPerAddress');
  });

  it('[P17] has no rate where its address is exempt, or the limits are lifted', () => {
    const { slowing } = slowingWith({ messagesPerSecond: 1, messageBurst: 1 });
    const exempt = senderFrom(address(true));
    for (let i = 0; i < 1000; i++) expect(slowing.charge(exempt, 1000)).toBeUndefined();
    const lifted = slowingWith({}).slowing;
    const sender = senderFrom();
    for (let i = 0; i < 100_000; i++) expect(lifted.charge(sender, 1000)).toBeUndefined();
  });
});

describe('those of one address that is over its rate', () => {
  /** So many that send all that they may, from one address; who sent each packet. */
  function flood(count: number) {
    stopTheClock();
    const slowing = new Slowing(DEFAULT_SERVER_LIMITS);
    const here = address();
    const sent: number[] = [];
    const senders = Array.from({ length: count }, (_, who) => {
      const sender: Sender = senderFrom(here, () => {
        do sent.push(who);
        while (slowing.charge(sender, 20) === undefined);
        slowing.wait(sender);
      });
      return sender;
    });
    const pass = async (ms: number): Promise<void> => {
      vi.advanceTimersByTime(ms);
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    };
    for (const sender of senders) sender.resume();
    return { slowing, here, sent, pass };
  }

  it('[P17] take turns of equal parts, and use the rate up', async () => {
    const { sent, pass } = flood(5);
    await pass(1_000);
    sent.length = 0;
    for (let i = 0; i < 80; i++) await pass(25);
    expect(sent.length).toBeGreaterThan(3_600);
    expect(sent.length).toBeLessThan(4_400);
    const runs = sent.map((who, at) => (who === sent[at - 1] ? 0 : sent.slice(at).findIndex((next) => next !== who)));
    expect(Math.max(...runs)).toBeLessThanOrEqual(25);
    for (let who = 0; who < 5; who++) expect(sent.filter((each) => each === who).length).toBeGreaterThan(700);
  });

  it('[P17] do not keep one waiting that sends less than its part', async () => {
    const { slowing, here, pass } = flood(3);
    const quiet = senderFrom(here);
    for (let i = 0; i < 40; i++) await pass(25);
    for (let i = 0; i < 200; i++) {
      await pass(5);
      expect(slowing.charge(quiet, 20)).toBeUndefined();
      await pass(5);
    }
  });
});
