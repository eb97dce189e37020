import { describe, expect, it } from 'vitest';
import { formatStatusAddress, isLoopback, isOwnHost, parseStatusAddress } from '../../src/ops/status-address.ts';

describe('an address of the status endpoint', () => {
  it.each([
    ['7781', '127.0.0.1', 7781],
    ['0', '127.0.0.1', 0],
    ['0.0.0.0', '0.0.0.0', 7780],
    ['localhost', 'localhost', 7780],
    ['ops.example.org', 'ops.example.org', 7780],
    ['abc:80', 'abc', 80],
    ['localhost:80', 'localhost', 80],
    ['[::1]:7781', '::1', 7781],
    ['[::1]', '::1', 7780],
    ['http://127.0.0.1:7780', '127.0.0.1', 7780],
    [' http://ops.example.org:9000/ ', 'ops.example.org', 9000],
  ])('may be %j', (text, host, port) => {
    expect(parseStatusAddress(text)).toEqual({ host, port });
  });

  it.each([
    ['', 'it is empty'],
    ['abc', 'it has no port'],
    ['tcp://127.0.0.1:7777', 'speaks http, not tcp'],
    ['https://127.0.0.1:7780', 'speaks http, not https'],
    ['http://127.0.0.1:7780/metrics', 'it has a path'],
    ['127.0.0.1:7780?longBytes=8', 'it has a path'],
    ['127.0.0.1:99999', 'is not a port'],
    ['::1', 'needs brackets'],
    ['bots/echo.ts', 'it has a path'],
    ['a b', 'is not a host'],
  ])('cannot be %j', (text, why) => {
    expect(() => parseStatusAddress(text)).toThrow(why);
    expect(() => parseStatusAddress(text)).toThrow('expected host:port, for example 127.0.0.1:7780');
  });

  it('is written as a URL', () => {
    expect(formatStatusAddress({ host: '127.0.0.1', port: 7780 })).toBe('http://127.0.0.1:7780');
    expect(formatStatusAddress({ host: '::1', port: 80 })).toBe('http://[::1]:80');
  });

  it.each([
    ['127.0.0.1', true],
    ['127.200.3.4', true],
    ['::1', true],
    ['localhost', true],
    ['LocalHost', true],
    ['0.0.0.0', false],
    ['::', false],
    ['10.0.0.1', false],
    ['128.0.0.1', false],
    ['localhost.example.org', false],
  ])('on %s is for this machine only: %s', (host, only) => {
    expect(isLoopback({ host, port: 1 })).toBe(only);
  });

  it('is asked for under its own name, whatever its case', () => {
    const address = { host: 'Ops.example.org', port: 7780 };
    expect(isOwnHost('ops.EXAMPLE.org:7780', address)).toBe(true);
    expect(isOwnHost('example.org', address)).toBe(false);
  });
});
