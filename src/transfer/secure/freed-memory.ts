/** The most that glibc learns from. */
const LARGE_BYTES = 31 * 1024 * 1024;

let isKept = false;

/**
 * Lets the process keep memory that it has freed, up to twice this size. TLS makes many buffers that live for a
 * moment; glibc gives what is free at the end of its heap back to the system, 128 KiB or more at a time, and getting it
 * again costs three times what all else does. Where a large block is freed, glibc takes such blocks for usual and keeps as
 * much from then on. No other allocator minds; and memory that nobody has written to does not exist.
 */
export function keepFreedMemory(): void {
  if (isKept) return;
  isKept = true;
  Buffer.allocUnsafeSlow(LARGE_BYTES);
}
