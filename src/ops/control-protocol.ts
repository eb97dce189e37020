/**
 * What is said on a control socket: a request is a line of JSON, `{ "command": "sessions", … }`; its answer is any number
 * of lines, each with a `type`, and behind them one of type `end` or `error`. Then comes the next request.
 */
export interface ControlRequest {
  readonly command: string;
  readonly [argument: string]: unknown;
}

/** A line of an answer. */
export interface ControlLine {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** The longest request, in bytes. */
export const MAX_REQUEST_BYTES = 16 * 1024;
/** The longest line of an answer, in bytes. */
export const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
