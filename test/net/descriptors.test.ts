import type { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { descriptorLimit, hasLastDescriptor } from '../../src/net/descriptors.ts';

it('the last eight descriptors are kept for what is not a connection', () => {
  const isLast = (fd: number, limit = 1_024): boolean =>
    hasLastDescriptor({ _handle: { fd } } as object as Socket, limit);
  expect([1_015, 1_016, 1_023].map((fd) => isLast(fd))).toEqual([false, true, true]);
  expect(isLast(1_000_000, Infinity)).toBe(false);
  expect(hasLastDescriptor({ _handle: null } as object as Socket, 1_024)).toBe(false);
  expect(descriptorLimit()).toBeGreaterThan(8);
});
