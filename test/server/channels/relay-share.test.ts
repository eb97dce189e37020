import { expect, test } from 'vitest';
import { RelayShare } from '../../../src/server/channels/relay-share.ts';

const MIB = 1024 * 1024;

test('a side that relays alone may read 1 MiB at once, and 512 KiB again when another one relays', () => {
  const [busy, other] = [new RelayShare(() => undefined), new RelayShare(() => undefined)];
  for (let i = 0; i < 15; i++) busy.take(1);
  expect(busy.largest()).toBe(MIB / 2);
  busy.take(1);
  expect([busy.largest(), other.largest()]).toEqual([MIB, MIB / 2]);
  other.take(1);
  busy.take(1);
  expect(busy.largest()).toBe(MIB / 2);
  for (let i = 0; i < 15; i++) busy.take(1);
  expect(busy.largest()).toBe(MIB);
});
