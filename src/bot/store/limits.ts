/** What bounds a store; sizes in bytes of UTF-8, values as JSON. */
export interface StoreLimits {
  /** The longest key. @default 512 */
  readonly maxKeyBytes: number;
  /** The largest value. @default 262144 */
  readonly maxValueBytes: number;
  /** All keys and values together. @default 67108864 */
  readonly maxTotalBytes: number;
  /** What may wait to be written. @default 16777216 */
  readonly maxPendingBytes: number;
}

export const DEFAULT_STORE_LIMITS: StoreLimits = {
  maxKeyBytes: 512,
  maxValueBytes: 256 * 1024,
  maxTotalBytes: 64 * 1024 * 1024,
  maxPendingBytes: 16 * 1024 * 1024,
};

/** What the runtime's own records about a plugin may take: a plugin that has filled its store still has its schedules. */
export const RECORD_BYTES = 4 * 1024 * 1024;
