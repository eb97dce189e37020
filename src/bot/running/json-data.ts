import { ChatosError, messageOf } from '../../errors.ts';
import { stringifyLossless } from '../../util/lossless-json.ts';

/** What the data of a timer or a dialogue may take as JSON, in bytes. */
const MAX_DATA_BYTES = 16 * 1024;

/**
 * Data as JSON.
 *
 * @param what whose data it is
 * @throws {ChatosError} `INVALID_ARGUMENT` where JSON cannot hold it, or it is too long
 */
export function toJson(data: unknown, what: string): string {
  let text: string | undefined;
  try {
    text = stringifyLossless(data);
  } catch (error) {
    const why = `the data of ${what} cannot be kept as JSON: ${messageOf(error).split('\n')[0]}`;
    throw new ChatosError('INVALID_ARGUMENT', why, { cause: error });
  }
  if (text === undefined) throw new ChatosError('INVALID_ARGUMENT', `the data of ${what} is not JSON`);
  if (Buffer.byteLength(text) <= MAX_DATA_BYTES) return text;
  const why = `the data of ${what} is over ${MAX_DATA_BYTES} bytes: keep it in the store`;
  throw new ChatosError('INVALID_ARGUMENT', why);
}
