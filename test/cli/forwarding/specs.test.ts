import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseForward, parseListen } from '../../../src/cli/forwarding/specs.ts';

describe('-L and -R are read as ssh reads them', () => {
  test.each([
    ['8080:db:80', { host: '127.0.0.1', port: 8080 }, { host: 'db', port: 80 }],
    ['0:db:80', { host: '127.0.0.1', port: 0 }, { host: 'db', port: 80 }],
    ['localhost:8080:db:80', { host: 'localhost', port: 8080 }, { host: 'db', port: 80 }],
    ['*:8080:db:80', { host: '*', port: 8080 }, { host: 'db', port: 80 }],
    [':8080:db:80', { host: '*', port: 8080 }, { host: 'db', port: 80 }],
    ['[::1]:8080:[2001:db8::1]:80', { host: '::1', port: 8080 }, { host: '2001:db8::1', port: 80 }],
    ['8080:/run/app.sock', { host: '127.0.0.1', port: 8080 }, { path: '/run/app.sock' }],
    // A socket of that name, and not the protocol.
    ['8080:/run/dns/udp', { host: '127.0.0.1', port: 8080 }, { path: '/run/dns/udp' }],
    ['10.0.0.1:8080:/run/app.sock', { host: '10.0.0.1', port: 8080 }, { path: '/run/app.sock' }],
    ['/run/here.sock:db:80', { path: '/run/here.sock' }, { host: 'db', port: 80 }],
    ['./here.sock:/run/there.sock', { path: path.resolve('here.sock') }, { path: '/run/there.sock' }],
  ])('%s', (text, at, target) => {
    expect(parseForward(text, 'at')).toEqual({ at, target });
  });

  test('a path is relative on this machine only', () => {
    expect(parseForward('8080:./app.sock', 'target').target).toEqual({ path: path.resolve('app.sock') });
    expect(() => parseForward('8080:./app.sock', 'at')).toThrow('begins at the root');
    expect(() => parseForward('./app.sock:db:80', 'target')).toThrow('begins at the root');
  });

  test.each([
    ['', 'expected [host:]port:target:port'],
    ['80', 'expected [host:]port:target:port'],
    ['db:80', 'expected [host:]port:target:port'],
    ['a:b:c:d:e', 'expected [host:]port:target:port'],
    ['80:db:http', 'expected a port'],
    ['http:db:80', 'expected a port'],
    ['80:db:0', 'nothing can be reached at port 0'],
    ['80:*:80', 'it is not a host'],
    ['::1:80:db:80', 'expected [host:]port:target:port'],
    ['53:db:53/udp', 'UDP cannot be forwarded'],
    ['udp://53:db:53', 'UDP cannot be forwarded'],
    ['/a.sock:80:db:80', 'a Unix socket has no port'],
  ])('%s is explained', (text, why) => {
    expect(() => parseForward(text, 'at')).toThrow(why);
  });
});

test('-D takes a port, a host and a port, or a path', () => {
  expect(parseListen('1080')).toEqual({ host: '127.0.0.1', port: 1080 });
  expect(parseListen('[::1]:1080')).toEqual({ host: '::1', port: 1080 });
  expect(parseListen('./s')).toEqual({ path: path.resolve('s') });
  expect(() => parseListen('a:b:1')).toThrow('expected [host:]port');
});
