import { ChatosError, isChatosError, type ErrorCode } from '../../errors.ts';

/** Why a connection, or a port to listen on, is not to be had: with the error code, words, and the reply of SOCKS (RFC 1928, 6). */
export const CAUSES = {
  'not-permitted': { code: 'NOT_PERMITTED', words: 'the other side does not permit it', socks: 2 },
  refused: { code: 'CONNECT_FAILED', words: 'connection refused', socks: 5 },
  'unknown-host': { code: 'CONNECT_FAILED', words: 'the host name is not known', socks: 4 },
  'no-permission': { code: 'CONNECT_FAILED', words: 'no permission to connect to it', socks: 2 },
  'no-stream': { code: 'CONNECT_FAILED', words: 'it takes datagrams, and no connections', socks: 5 },
  'no-socket': { code: 'CONNECT_FAILED', words: 'there is no such socket', socks: 5 },
  'network-unreachable': { code: 'CONNECT_FAILED', words: 'the network cannot be reached', socks: 3 },
  unreachable: { code: 'CONNECT_FAILED', words: 'the host cannot be reached', socks: 4 },
  'timed-out': { code: 'TIMED_OUT', words: 'no answer in time', socks: 6 },
  busy: { code: 'QUEUE_FULL', words: 'the other side has as many connections as it takes', socks: 1 },
  'no-descriptors': { code: 'QUEUE_FULL', words: 'the other side is out of file descriptors', socks: 1 },
  'not-taken': { code: 'TIMED_OUT', words: 'the other side has not taken it in time', socks: 6 },
  gone: { code: 'CONNECT_FAILED', words: 'it has gone meanwhile', socks: 1 },
  'in-use': { code: 'LISTEN_FAILED', words: 'it is in use there', socks: 1 },
  'not-listened': { code: 'LISTEN_FAILED', words: 'it cannot be listened on there', socks: 1 },
  failed: { code: 'CONNECT_FAILED', words: 'it failed', socks: 1 },
} as const satisfies { readonly [cause: string]: { code: ErrorCode; words: string; socks: number } };

export type Cause = keyof typeof CAUSES;

const OF_ERRNO: Readonly<Record<string, Cause>> = {
  ECONNREFUSED: 'refused',
  ENOTFOUND: 'unknown-host',
  EAI_AGAIN: 'unknown-host',
  EACCES: 'no-permission',
  EPERM: 'no-permission',
  EPROTOTYPE: 'no-stream',
  EMFILE: 'no-descriptors',
  ENFILE: 'no-descriptors',
  ENOENT: 'no-socket',
  ENOTSOCK: 'no-socket',
  EHOSTUNREACH: 'unreachable',
  EHOSTDOWN: 'unreachable',
  ENETUNREACH: 'network-unreachable',
  ETIMEDOUT: 'timed-out',
};

/** The words of the side that refuses, where they are others. */
const OWN_WORDS: { readonly [cause in Cause]?: string } = {
  'not-permitted': 'no permit names it',
  busy: 'there are as many as this side takes',
  'no-descriptors': 'this side is out of file descriptors: ulimit -n, or LimitNOFILE= of systemd, allows more',
};

/** The cause that a word from the network means. */
export function causeOf(word: unknown): Cause {
  return typeof word === 'string' && Object.hasOwn(CAUSES, word) ? (word as Cause) : 'failed';
}

/** The cause of an error of the system, or of one of ours. */
export function causeOfError(error: unknown): Cause {
  if (isChatosError(error)) {
    const { cause } = error.fields;
    if (cause !== undefined) return causeOf(cause);
    if (error.code === 'TIMED_OUT') return 'timed-out';
    if (error.code === 'LISTEN_FAILED') return error.fields['errno'] === 'EADDRINUSE' ? 'in-use' : 'not-listened';
    return 'failed';
  }
  const { code, errors } = (error ?? {}) as NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] };
  return OF_ERRNO[code ?? errors?.[0]?.code ?? ''] ?? 'failed';
}

/** The error for it, of which the message begins with what was wanted. */
export function forwardError(what: string, cause: Cause, error?: unknown): ChatosError {
  const { code, words } = CAUSES[cause];
  return new ChatosError(code, `${what}: ${words}`, { cause: error, fields: { cause } });
}

/** The same at the side that refuses, or at which it fails. */
export function refusal(what: string, cause: Cause, error?: unknown): ChatosError {
  const { code, words } = CAUSES[cause];
  const { code: errno } = (error ?? {}) as NodeJS.ErrnoException;
  const detail = cause === 'failed' && errno !== undefined ? ` (${errno})` : '';
  return new ChatosError(code, `${what}: ${OWN_WORDS[cause] ?? words}${detail}`, { cause: error, fields: { cause } });
}
