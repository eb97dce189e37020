import { ChatosError, messageOf } from '../../errors.ts';

/** What the data of a timer or a dialogue may take as JSON, in bytes. */
const MAX_DATA_BYTES = 16 * 1024;

/**
 * Data as JSON.
 *
 * @param what whose data it is
 * @throws {ChatosError} `INVALID_ARGUMENT` where it is not JSON, or too long
 */
export function toJson(data: unknown, what: string): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(data);
  } catch (error) {
    throw new ChatosError('INVALID_ARGUMENT', `the data of ${what} is not JSON: ${messageOf(error)}`, { cause: error });
  }
  if (text === undefined) throw new ChatosError('INVALID_ARGUMENT', `the data of ${what} is not JSON`);
  if (Buffer.byteLength(text) <= MAX_DATA_BYTES) return text;
  const why = `the data of ${what} is over ${MAX_DATA_BYTES} bytes: keep it in the store`;
  throw new ChatosError('INVALID_ARGUMENT', why);
}
