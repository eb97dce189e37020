import { expect, test } from 'vitest';
import { causeOf, causeOfError, forwardError, refusal } from '../../../src/transfer/forward/causes.ts';

test.each([
  ['EACCES', 'no permission to connect to it'],
  ['EPROTOTYPE', 'it takes datagrams, and no connections'],
  ['EMFILE', 'this side is out of file descriptors: ulimit -n, or LimitNOFILE= of systemd, allows more'],
  ['EHOSTDOWN', 'the host cannot be reached'],
  ['EPROTO', 'it failed (EPROTO)'],
])('the side at which %s is what a connection fails with says what that means', (code, words) => {
  const error = Object.assign(new Error('connect'), { code });
  expect(refusal('/run/db.sock', causeOfError(error), error).message).toBe(`/run/db.sock: ${words}`);
});

test('the other side says whose descriptors they are', () => {
  expect(forwardError('db:80', 'no-descriptors').message).toBe('db:80: the other side is out of file descriptors');
});

test('a cause of a later version is a failure', () => {
  expect(causeOf('on-fire')).toBe('failed');
});
