/**
 * Every error code of the project, with what it means. The command line maps codes to exit codes in
 * `cli/terminal/exit.ts`, and `docs/errors.md` lists them; a test holds the two lists together.
 *
 * @internal
 */
export const ERROR_CODES = {
  MALFORMED_PACKET: 'The bytes received are not a ChatOS packet; the stream cannot be trusted any more (P4).',
  INVALID_PACKET: 'A packet that the protocol forbids was about to be sent; nothing was written.',
  INVALID_ADDRESS: 'An address is not of the form tls://host:port?longBytes=8, or has a parameter that is not for it.',
  INVALID_ARGUMENT: 'An option or argument has a value that cannot be used.',
  INVALID_CONFIG: 'The configuration file has an unknown key, a wrong type or a bad value.',
  INVALID_PLUGIN: 'A plugin file cannot be found, does not compile, or does not export hooks.',
  LISTEN_FAILED: 'The address cannot be listened on: in use, privileged, or not of this machine.',
  CONNECT_FAILED: 'No server answers at the address.',
  NOT_TRUSTED: 'The certificate of the server is not trusted, or the server does not trust that of this client.',
  CONNECTION_LOST: 'The connection ended before the work on it was done.',
  NOT_CONNECTED: 'There is no session with the server at the moment.',
  LOGIN_REFUSED:
    'The server refused the login: it is taken, looks like one in use, cannot be granted now by a cluster, or is not allowed.',
  NOT_PERMITTED: 'The system, or the server, does not let this user do it.',
  REQUEST_REFUSED: 'The peer, or its policy, refused the private connection, or left before answering.',
  PEER_ABSENT: 'The sender that a code belongs to is not there.',
  UNEXPECTED_PACKET: 'The server sent a packet that the protocol does not allow at this point.',
  CHANNEL_ABORTED:
    'The private connection broke before both sides had ended it, or the server went away when it ended.',
  CHANNEL_CLOSED: 'The peer closed the private connection (packet 11) before both sides had ended it.',
  DATA_INCOMPLETE: 'The data did not arrive whole, or nobody has confirmed that it did.',
  WRONG_SECRET: 'The peer of an encrypted private connection has another secret or code, or does not encrypt.',
  TIMED_OUT: 'The time allowed for the operation ran out.',
  CANCELLED: 'The user who was asked a question does not want to answer it.',
  INVALID_ANSWER: 'The user who was asked a question gave no valid answer, however often it was asked.',
  IN_DIALOGUE: 'The user has a dialogue of the plugin to finish, or to cancel, before another one can begin.',
  INTERRUPTED: 'The plugin stopped, or was reloaded, before the user who was asked a question had answered it.',
  ABORTED: 'The operation was cancelled by its AbortSignal, or because its owner was closed.',
  QUEUE_FULL: 'Too much is waiting already; try again when some of it is done.',
  STORE_FULL: "A store's limit would be exceeded: the size of a key, of a value, or of all together.",
  STORE_UNAVAILABLE:
    'A store cannot be opened, read or written: another process has it, its disk fails, or its folder was removed.',
  STORE_DAMAGED: 'Files of a store are garbled or missing; `chatosbot store repair` saves what can be read.',
} as const;

/** What kind of error it is: one of the codes in [Errors and exit codes](errors.md). */
export type ErrorCode = keyof typeof ERROR_CODES;

/** The details of the message, for machines. */
export type ErrorFields = Readonly<Record<string, string | number | boolean | bigint | undefined>>;

/** The one error class of the project. Its `message` says what happened and what to do; its `code` never changes. */
export class ChatosError extends Error {
  override readonly name = 'ChatosError';
  /** The kind of error. Compare this: the message may change. */
  readonly code: ErrorCode;
  /** Details for machines; empty if there are none. */
  readonly fields: ErrorFields;

  /** An error with a message for people, and the error that caused it. */
  constructor(code: ErrorCode, message: string, options: { cause?: unknown; fields?: ErrorFields } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.fields = options.fields ?? {};
  }
}

/** Whether `error` is a {@link ChatosError}, with the given code if there is one. */
export function isChatosError(error: unknown, code?: ErrorCode): error is ChatosError {
  return isError(error) && error instanceof ChatosError && (code === undefined || error.code === code);
}

/** Whether a thrown value is an error. It may be a proxy, whose handlers may throw. */
export function isError(thrown: unknown): thrown is Error {
  try {
    return thrown instanceof Error;
  } catch {
    return false;
  }
}

/** The message of the error that a function throws; `undefined` where it throws none. */
export function messageThrownBy(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** The message of any thrown value, for people. */
export function messageOf(error: unknown): string {
  try {
    if (!isError(error)) return typeof error === 'object' && error !== null ? wordsOf(error) : String(error);
    const { message, code, name } = error as {
      readonly message: unknown;
      readonly code?: unknown;
      readonly name: unknown;
    };
    // If none of a host's addresses answers, Node's error has a code and no message.
    return String(message || code || name);
  } catch {
    return 'something that cannot be shown';
  }
}

/** An object's own text, else its JSON instead of `[object Object]`. */
function wordsOf(thrown: { readonly toString?: () => string }): string {
  const words = thrown.toString?.() ?? NO_WORDS;
  return words === NO_WORDS ? (JSON.stringify(thrown) ?? words) : words;
}

const NO_WORDS = '[object Object]';

/** The stack of any thrown value, if it has one. */
export function stackOf(error: unknown): string | undefined {
  try {
    const stack: unknown = isError(error) ? error.stack : undefined;
    return typeof stack === 'string' ? stack : undefined;
  } catch {
    return undefined;
  }
}

/** The most causes in a trace. */
const MAX_CAUSES = 5;

/** The stack of any thrown value and the stacks of its causes; `undefined` if there are none. */
export function traceOf(error: unknown): string | undefined {
  const found = new Set([error]);
  for (const each of found) for (const cause of causesOf(each)) if (found.size <= MAX_CAUSES) found.add(cause);
  const [, ...causes] = found;
  const traces = causes.map((cause) => `caused by: ${stackOf(cause) ?? messageOf(cause)}`);
  const own = stackOf(error);
  if (own !== undefined) traces.unshift(own);
  return traces.length === 0 ? undefined : traces.join('\n');
}

function causesOf(error: unknown): unknown[] {
  try {
    if (!isError(error)) return [];
    const { cause, errors } = error as { cause?: unknown; errors?: unknown };
    const several = Array.isArray(errors) ? (errors as unknown[]).slice(0, MAX_CAUSES) : [];
    return cause === undefined ? several : [cause, ...several];
  } catch {
    return [];
  }
}
