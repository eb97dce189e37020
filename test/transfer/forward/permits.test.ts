import { describe, expect, test } from 'vitest';
import { formatEndpoint, parseEndpoint, parseListenEndpoint } from '../../../src/transfer/forward/endpoint.ts';
import { Permits } from '../../../src/transfer/forward/permits.ts';

describe('an endpoint has one form, whatever it was written in', () => {
  test.each([
    ['DB.Internal:80', 'db.internal:80'],
    ['db.internal.:80', 'db.internal:80'],
    ['bücher.example:80', 'xn--bcher-kva.example:80'],
    ['[0:0:0:0:0:0:0:1]:80', '[::1]:80'],
    ['[2001:DB8::0001]:80', '[2001:db8::1]:80'],
    ['[::ffff:127.0.0.1]:80', '127.0.0.1:80'],
    ['[::ffff:7f00:1]:80', '127.0.0.1:80'],
    ['//run//app.sock', '/run/app.sock'],
  ])('%s is %s', (text, form) => {
    expect(formatEndpoint(parseEndpoint(text))).toBe(form);
  });
});

describe('what the system would take for something else is no endpoint', () => {
  test.each([
    '127.1:80',
    '0x7f000001:80',
    '0x7f.1:80',
    '2130706433:80',
    '127.0.0.01:80',
    '256.0.0.1:80',
    '::1:80',
    '[127.0.0.1]:80',
    '[::1%eth0%eth1/]:80',
    'a b:80',
    'a\n:80',
    'a..b:80',
    '-a:80',
    ':80',
    'a:',
    'a:0x50',
    'a:+80',
    'a:65536',
    'a',
    '/run/../etc/app.sock',
    '/run/./app.sock',
    'run/app.sock',
    '/run/',
    '/run/app\0.sock',
    `/run/${'x'.repeat(110)}`,
    '*:80',
  ])('%j', (text) => {
    expect(() => parseEndpoint(text)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});

describe('only what was named is permitted', () => {
  test.each([
    ['db:5432', 'db:5432', 'by name'],
    ['db:5432', 'DB.:5432', 'by name'],
    ['db:5432', 'db:5433', undefined],
    ['db:5432', 'db.evil:5432', undefined],
    ['localhost:80', '127.0.0.1:80', undefined],
    ['127.0.0.1:80', 'localhost:80', undefined],
    ['127.0.0.1:80', '[::ffff:127.0.0.1]:80', 'by name'],
    ['[::1]:80', '[0:0::1]:80', 'by name'],
    ['db:*', 'db:1', 'by name'],
    ['db:*', 'dbx:1', undefined],
    ['*:80', 'db:80', 'by name'],
    ['*:80', '10.0.0.1:80', 'by name'],
    ['*:80', '[::1]:80', 'by name'],
    ['*:80', 'db:81', undefined],
    ['*:80', '/run/app.sock', undefined],
    ['*.internal:80', 'db.internal:80', 'by wildcard'],
    ['*.internal:80', 'internal:80', undefined],
    ['*.internal:80', 'db.internal.evil.example:80', undefined],
    ['*.INTERNAL:80', 'db.internal:80', 'by wildcard'],
    ['db-?:80', 'db-1:80', 'by wildcard'],
    ['db-?:80', 'db-12:80', undefined],
    ['10.0.0.*:80', '10.0.0.7:80', 'by wildcard'],
    ['10.0.0.*:80', '10.0.0.7.evil.example:80', undefined],
    ['10.*:80', '10.evil.example:80', undefined],
    ['*.*.*.*:80', '10.0.0.7:80', undefined],
    ['*.example:*', '10.0.0.7:80', undefined],
    ['[2001:db8::*]:80', '[2001:db8::7]:80', 'by wildcard'],
    ['/run/app.sock', '/run/app.sock', 'by name'],
    ['/run/app.sock', '/run/app.sock2', undefined],
  ])('%s, asked for %s: %s', (permit, asked, permitted) => {
    expect(new Permits([permit]).find(parseEndpoint(asked))).toBe(permitted);
  });

  test('nothing at all, where nothing was named', () => {
    expect(new Permits([]).find(parseEndpoint('localhost:80'))).toBeUndefined();
  });

  test('to listen on all addresses is permitted by * alone', () => {
    const all = parseListenEndpoint('*:80');
    expect(new Permits(['127.0.0.1:80', '?:80', '[::*]:*']).find(all)).toBeUndefined();
    expect(new Permits(['*:80']).find(all)).toBe('by name');
  });

  test('what is permitted by name and by a wildcard is permitted by name', () => {
    expect(new Permits(['*.internal:80', 'db.internal:80']).find(parseEndpoint('db.internal:80'))).toBe('by name');
    expect(new Permits(['*.internal:80', 'db.internal:*']).find(parseEndpoint('db.internal:80'))).toBe('by name');
  });

  test.each(['a', 'a:b', '/run/*', ':80', 'a:', 'a*', '[::1]', '[*]:80', '[10.*]:80', '127.1:80'])(
    '%s is no permit',
    (text) => {
      expect(() => new Permits([text])).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    },
  );
});
