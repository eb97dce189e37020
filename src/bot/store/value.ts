import { ChatosError, messageOf } from '../../errors.ts';
import { stringifyLossless } from '../../util/lossless-json.ts';

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
export const RECORD_BYTES = 8 * 1024 * 1024;

/** @throws {ChatosError} `INVALID_ARGUMENT` or `STORE_FULL`, where it cannot be a key */
export function checkKey(key: unknown, { maxKeyBytes }: StoreLimits): void {
  if (typeof key !== 'string' || key === '') throw invalid('a key of the store is a text, and not empty');
  if (!key.isWellFormed()) throw invalid('a key of the store has half of a surrogate pair');
  const bytes = Buffer.byteLength(key);
  if (bytes <= maxKeyBytes) return;
  const message = `a key of the store has ${bytes} bytes, and ${maxKeyBytes} are allowed`;
  throw new ChatosError('STORE_FULL', message, { fields: { bytes, maxKeyBytes } });
}

/**
 * A value as JSON.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where JSON cannot hold it, `STORE_FULL` where it is too large
 */
export function toText(key: string, value: unknown, { maxValueBytes }: StoreLimits): string {
  let text: string | undefined;
  try {
    text = stringifyLossless(value);
  } catch (error) {
    throw invalid(`the value of '${key}' cannot be kept as JSON: ${messageOf(error).split('\n')[0]}`, error);
  }
  if (text === undefined) throw invalid(`the value of '${key}' is undefined: delete the key instead`);
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxValueBytes) return text;
  const message = `the value of '${key}' has ${bytes} bytes of JSON, and ${maxValueBytes} are allowed`;
  throw new ChatosError('STORE_FULL', message, { fields: { bytes, maxValueBytes } });
}

/** The value that a text holds. @throws {ChatosError} `STORE_DAMAGED` where the disk has garbled it */
export function parseValue(key: string, text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ChatosError('STORE_DAMAGED', `the value of '${key}' is damaged: set or delete it`, { cause: error });
  }
}

function invalid(message: string, cause?: unknown): ChatosError {
  return new ChatosError('INVALID_ARGUMENT', message, { cause });
}
