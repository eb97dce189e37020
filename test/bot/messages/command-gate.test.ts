import { expect, it } from 'vitest';
import { CommandGate } from '../../../src/bot/messages/command-gate.ts';
import { FakeClock } from '../../../src/testing/fake-clock.ts';

it('of 10,000 users whose calls are remembered, the one whose last call is the oldest is forgotten first', () => {
  const clock = new FakeClock('2026-11-27T10:00:00Z');
  const gate = new CommandGate(clock);
  const command = { help: 'rolls', cooldown: { perUser: 1_000 }, run: () => undefined };
  const mustWait = (user: string): boolean => gate.tooEarly(command, '!roll', user) !== undefined;
  for (let i = 0; i < 10_000; i += 1) expect(mustWait(`user ${i}`)).toBe(false);
  clock.tick(1_000);
  expect(mustWait('user 0')).toBe(false);
  for (const user of ['one more', 'and another']) expect(mustWait(user)).toBe(false);
  expect(['user 0', 'one more', 'and another'].map(mustWait)).toEqual([true, true, true]);
});

it('of more than 10,000 users, those who were forgotten need not wait any longer', () => {
  const gate = new CommandGate(new FakeClock('2026-11-27T10:00:00Z'));
  const command = { help: 'rolls', cooldown: { perUser: 60_000 }, run: () => undefined };
  const mustWait = (user: string): boolean => gate.tooEarly(command, '!roll', user) !== undefined;
  for (let i = 0; i < 10_001; i += 1) expect(mustWait(`user ${i}`)).toBe(false);
  expect(['user 1', 'user 10000', 'user 0'].map(mustWait)).toEqual([true, true, false]);
});
