import { describe, expect, it } from 'vitest';
import { DEFAULT_SERVER_LIMITS, type ServerLimits } from '../../../src/server/limits/server-limits.ts';
import { Slowing, type Sender } from '../../../src/server/limits/slowing.ts';

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
  return { messagesPaidAt: 0, bytesPaidAt: 0, exempt };
}

function senderFrom(source = address()): Sender {
  return { messagesPaidAt: 0, bytesPaidAt: 0, source, isHeldBack: false, resume: () => undefined };
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
