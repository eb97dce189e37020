import {
  ChatosError,
  ERROR_CODES,
  isChatosError,
  isError,
  messageOf,
  stackOf,
  type ErrorCode,
  type ErrorFields,
} from '../../errors.ts';

/** How an error crosses to another thread: structured clone would lose its class, its code and its fields. */
export interface CrossingError {
  readonly message: string;
  readonly name?: string;
  readonly stack?: string | undefined;
  /** Of a ChatosError, or what Node's own errors have as `code`. */
  readonly code?: string;
  /** Of a ChatosError alone. */
  readonly fields?: ErrorFields;
  readonly cause?: CrossingError;
  /** What was thrown is no error, but this. */
  readonly thrown?: Plain;
}

type Plain = string | number | boolean | bigint | null | undefined;

/** How many causes of causes cross. */
const MAX_CAUSES = 5;

/** Takes apart anything that was thrown, also what throws where it is looked at. */
export function packError(error: unknown): CrossingError {
  try {
    return pack(error, 0);
  } catch {
    return { message: messageOf(error), stack: stackOf(error) };
  }
}

function pack(error: unknown, depth: number): CrossingError {
  if (!isError(error)) {
    const message = messageOf(error);
    return { message, thrown: canCross(error) ? error : message };
  }
  const { name, cause }: { readonly name: unknown; readonly cause?: unknown } = error;
  const code = (error as { code?: unknown }).code;
  return {
    name: String(name),
    message: messageOf(error),
    stack: stackOf(error),
    ...(typeof code === 'string' ? { code } : {}),
    ...(isChatosError(error) ? { fields: { ...error.fields } } : {}),
    ...(cause === undefined || depth >= MAX_CAUSES ? {} : { cause: pack(cause, depth + 1) }),
  };
}

/** Puts it together again, with the stack that it had where it was thrown; a ChatosError is one again. */
export function unpackError(crossing: CrossingError): unknown {
  if ('thrown' in crossing) return crossing.thrown;
  const { name, message, stack, code, fields } = crossing;
  const cause = crossing.cause && unpackError(crossing.cause);
  let error: Error;
  if (fields && code !== undefined && Object.hasOwn(ERROR_CODES, code)) {
    error = new ChatosError(code as ErrorCode, message, { cause, fields });
  } else {
    error = new Error(message, cause === undefined ? undefined : { cause });
    if (name !== undefined && name !== 'Error') error.name = name;
    if (code !== undefined) Object.assign(error, { code });
  }
  if (stack === undefined) delete error.stack;
  else error.stack = stack;
  return error;
}

function canCross(thrown: unknown): thrown is Plain {
  return thrown === null || !['object', 'function', 'symbol'].includes(typeof thrown);
}
