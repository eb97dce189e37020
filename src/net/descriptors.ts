import { readFileSync } from 'node:fs';
import type net from 'node:net';
import process from 'node:process';

/**
 * So many descriptors are kept for all that is not a connection (files, look-ups of names). Where none is free,
 * libuv accepts and closes connections without a word.
 */
const RESERVED = 8;

/** How many descriptors this process may have open (RLIMIT_NOFILE); `Infinity` where the system does not say. */
export function descriptorLimit(): number {
  try {
    const [, soft] = /^Max open files +(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))!;
    return soft === 'unlimited' ? Infinity : Number(soft);
  } catch {
    // A system without /proc.
    const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft: unknown } } };
    return Number(userLimits?.open_files?.soft ?? Infinity) || Infinity;
  }
}

/** Whether a connection has one of the last descriptors: the system gives the lowest that is free. */
export function hasLastDescriptor(socket: net.Socket, limit: number): boolean {
  const { _handle: handle } = socket as { _handle?: { readonly fd?: number } | null };
  return (handle?.fd ?? -1) >= limit - RESERVED;
}

/** What such a connection could not be accepted for. */
export function outOfDescriptors(limit: number): Error {
  const error = new Error(`out of file descriptors: ${limit} may be open (RLIMIT_NOFILE)`);
  return Object.assign(error, { code: 'EMFILE', syscall: 'accept' });
}
