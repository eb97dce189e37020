import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';
import { EXIT, exitFor, ExitSignal } from '../../../src/cli/terminal/exit.ts';
import { ChatosError, ERROR_CODES, type ErrorCode } from '../../../src/errors.ts';

/** The table of the documentation, in its own words. A code that is added does not compile until it stands here, too. */
const EXPECTED: Readonly<Record<ErrorCode, number>> = {
  INVALID_PACKET: 2,
  INVALID_ADDRESS: 2,
  INVALID_ARGUMENT: 2,
  INVALID_CONFIG: 2,
  INVALID_PLUGIN: 2,
  LISTEN_FAILED: 69,
  CONNECT_FAILED: 69,
  NOT_CONNECTED: 69,
  STORE_UNAVAILABLE: 69,
  STORE_DAMAGED: 65,
  MALFORMED_PACKET: 75,
  PEER_ABSENT: 69,
  UNEXPECTED_PACKET: 75,
  NOT_TRUSTED: 77,
  CONNECTION_LOST: 75,
  CHANNEL_ABORTED: 75,
  CHANNEL_CLOSED: 75,
  DATA_INCOMPLETE: 65,
  QUEUE_FULL: 75,
  STORE_FULL: 75,
  LOGIN_REFUSED: 77,
  NOT_PERMITTED: 77,
  REQUEST_REFUSED: 77,
  WRONG_SECRET: 77,
  TIMED_OUT: 124,
  CANCELLED: 77,
  INVALID_ANSWER: 77,
  IN_DIALOGUE: 77,
  INTERRUPTED: 75,
  ABORTED: 130,
};

describe('exitFor', () => {
  test.each(Object.keys(ERROR_CODES) as ErrorCode[])('has an exit code for %s, and reports its message', (code) => {
    expect(exitFor(new ChatosError(code, 'what happened'))).toEqual({
      code: EXPECTED[code],
      message: 'what happened',
    });
  });

  test('takes a reader that has gone for the end, without a message', () => {
    expect(exitFor(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))).toEqual({ code: 141, message: '' });
  });

  test('reports a working directory that was removed', () => {
    const error = Object.assign(new Error('ENOENT, uv_cwd'), { code: 'ENOENT', syscall: 'uv_cwd' });
    expect(exitFor(error)).toEqual({ code: EXIT.usage, message: 'the working directory is gone: go to another one' });
  });

  test.each([
    ['ENOSPC', 'write', 'cannot write standard output: no space left on the device'],
    ['EDQUOT', 'write', 'cannot write standard output: the disk quota is used up'],
    ['EFBIG', 'write', 'cannot write standard output: the file is too large'],
    ['EIO', 'read', 'cannot read standard input: input/output error'],
    ['ECONNRESET', 'read', 'cannot read standard input: the other side broke the connection'],
    ['ETIMEDOUT', 'read', 'cannot read standard input: the connection timed out'],
    ['EISDIR', 'read', 'cannot read standard input: is a directory'],
    ['EAGAIN', 'read', 'cannot read standard input: it cannot be read now'],
    [
      'ELISTENS',
      'read',
      'cannot read standard input: it is a socket that listens, not a connection (inetd needs nowait, systemd Accept=yes)',
    ],
    ['ESOCKTNOSUPPORT', 'write', 'cannot write standard output: sockets of this kind are not supported'],
  ])('tells in words what %s on a %s means', (code, syscall, message) => {
    const error = Object.assign(new Error(`${code}: ${syscall}`), { code, syscall });
    expect(exitFor(error)).toEqual({ code: EXIT.broken, message });
  });

  test.each([
    ['read', 'EINVAL', 'cannot read standard input: invalid argument'],
    ['read', 'ENOTCONN', 'cannot read standard input: socket is not connected'],
    ['write', 'EHOSTUNREACH', 'cannot write standard output: host is unreachable'],
    ['close', 'ENXIO', 'cannot write standard output: no such device or address'],
  ] as const)('leaves it to the system to say what else a %s may fail with, as %s', (syscall, code, message) => {
    const error = Object.assign(new Error(code), { code, errno: -constants.errno[code], syscall });
    expect(exitFor(error)).toEqual({ code: EXIT.broken, message });
  });

  test.each([
    ['EACCES', 'scandir', 'cannot use /here: permission denied'],
    ['ENOSPC', 'mkdtemp', 'cannot use /here: no space left on the device'],
    ['ENOENT', 'mkdtemp', 'cannot use /here: there is no such folder; set TMPDIR'],
  ])('names the file where %s on a %s is about one', (code, syscall, message) => {
    const error = Object.assign(new Error(`${code}: ${syscall}`), { code, syscall, path: '/here' });
    expect(exitFor(error)).toEqual({ code: EXIT.broken, message });
  });

  test('takes a file of its own that is missing for a bug', () => {
    const error = Object.assign(new Error('ENOENT'), { code: 'ENOENT', syscall: 'open', path: '/here' });
    expect(exitFor(error)).toEqual({ code: 1, message: undefined });
  });

  test.each([130, 143, 0])('passes on the exit code %i of a command that has nothing more to report', (code) => {
    expect(exitFor(new ExitSignal(code))).toEqual({ code, message: '' });
  });

  test.each([new TypeError('x is not a function'), 'a text', undefined, null, 7, { code: 'ESOMETHING' }])(
    'takes %s for a bug, whose trace is shown',
    (thrown) => {
      expect(exitFor(thrown)).toEqual({ code: 1, message: undefined });
    },
  );
});

test('the exit codes are those that scripts know', () => {
  expect(EXIT).toEqual({
    done: 0,
    failure: 1,
    usage: 2,
    incomplete: 65,
    unavailable: 69,
    broken: 75,
    refused: 77,
    timedOut: 124,
    interrupted: 130,
    outputClosed: 141,
  });
});
