import {
  ChatosError,
  ERROR_CODES,
  isChatosError,
  isError,
  messageOf,
  stackOf,
  type ErrorFields,
} from '../../errors.ts';
import type { ErrorCode } from '../../errors.ts';

/** An error on its way to another thread: structured clone would lose its class, code, fields and inner errors. */
export interface SerializedError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** Of a ChatosError, or the `code` of Node's own errors. */
  readonly code: string | undefined;
  /** Only of a ChatosError. */
  readonly fields: ErrorFields | undefined;
  readonly cause: SerializedError | undefined;
  /** Only of an AggregateError. */
  readonly errors: readonly SerializedError[] | undefined;
}

/** How deep causes and inner errors are followed, and how many inner errors each may have. */
const MAX_DEPTH = 5;
const MAX_ERRORS = 10;

/** Takes apart what was thrown. What is not an error becomes one. */
export function serializeError(thrown: unknown, depth = 0): SerializedError {
  try {
    return takeApart(thrown, depth);
  } catch {
    // A proxy, or getters that throw.
    return takeApart(new Error(messageOf(thrown)), MAX_DEPTH);
  }
}

function takeApart(thrown: unknown, depth: number): SerializedError {
  const error = (isError(thrown) ? thrown : new Error(messageOf(thrown))) as Error & { code?: unknown };
  const { cause, code } = error;
  const inner = error instanceof AggregateError ? error.errors.slice(0, MAX_ERRORS) : undefined;
  const isDeepest = depth >= MAX_DEPTH;
  return {
    name: error.name,
    message: messageOf(error),
    stack: stackOf(error),
    code: typeof code === 'string' ? code : undefined,
    fields: isChatosError(error) ? { ...error.fields } : undefined,
    cause: cause === undefined || isDeepest ? undefined : serializeError(cause, depth + 1),
    errors: isDeepest ? undefined : inner?.map((each) => serializeError(each, depth + 1)),
  };
}

/** Puts an error together again, with the stack that it had where it was thrown. */
export function deserializeError(serialized: SerializedError): Error {
  const { name, message, stack, code, fields, errors } = serialized;
  const cause = serialized.cause && deserializeError(serialized.cause);
  let error: Error;
  if (fields && code !== undefined && Object.hasOwn(ERROR_CODES, code)) {
    error = new ChatosError(code as ErrorCode, message, { cause, fields });
  } else {
    const options = cause && { cause };
    error = errors ? new AggregateError(errors.map(deserializeError), message, options) : new Error(message, options);
    if (name !== error.name) error.name = name;
    if (code !== undefined) Object.assign(error, { code });
  }
  if (stack === undefined) delete error.stack;
  else error.stack = stack;
  return error;
}
