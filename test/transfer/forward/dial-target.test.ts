/** Names that a wildcard permits, by what they are looked up as: who owns a domain decides that, and may mean this machine. */
import dns from 'node:dns';
import { isIPv6, Socket, type LookupFunction } from 'node:net';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { dialTarget } from '../../../src/transfer/forward/dial-target.ts';
import { Permits } from '../../../src/transfer/forward/permits.ts';

type Lookup = (...given: Parameters<LookupFunction>) => void;
interface Dialled {
  readonly host: string;
  readonly lookup?: Lookup;
}

/** Whether several addresses are asked for, as the system's connect does, or one. */
const asked = { all: true };
/** Where the last connection went. */
let reached: unknown;

/** Looks up where a connection would go: nothing is sent there. */
function connectNowhere(this: Socket, ...given: unknown[]): Socket {
  const [{ host, lookup = dns.lookup as Lookup }] = given.flat() as [Dialled];
  lookup(host, asked, (error, found, family) => {
    reached = asked.all ? found : { address: found, family };
    if (error) this.destroy(error);
    else setImmediate(() => this.emit('connect'));
  });
  return this;
}

beforeEach(() => {
  const connect = vi.spyOn(Socket.prototype, 'connect').mockImplementation(connectNowhere);
  return () => connect.mockRestore();
});

/** Dials a name that means these addresses: those that are tried, or the code of its error. */
async function dial(addresses: readonly string[], permits: readonly string[] = ['*.example.org:80']): Promise<unknown> {
  const found = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
  const lookup = vi.spyOn(dns, 'lookup').mockImplementation((...given: unknown[]) => {
    (given.at(-1) as (...of: unknown[]) => void)(null, found);
  });
  onTestFinished(() => lookup.mockRestore());
  const target = { host: 'db.example.org', port: 80 };
  const signal = new AbortController().signal;
  try {
    const socket = await dialTarget(target, { timeoutMs: 5_000, signal, permits: new Permits(permits) });
    socket.destroy();
    return reached;
  } catch (error) {
    return (error as { readonly code: string }).code;
  }
}

const four = (address: string) => ({ address, family: 4 });

describe('a target that only a wildcard permits', () => {
  test.each([
    ['this machine', ['127.0.0.1', '127.255.255.254', '0.0.0.0', '0.1.2.3', '::1', '::', '::ffff:127.0.0.1']],
    ['its own link', ['169.254.169.254', '169.254.0.1', 'fe80::1', 'febf::1', '::ffff:169.254.169.254']],
    ['the secrets of a cloud', ['fd00:ec2::254', '100.100.100.200', '::ffff:100.100.100.200']],
  ])('is refused where its name means %s', async (_, addresses) => {
    for (const address of addresses) expect([address, await dial([address])]).toEqual([address, 'NOT_PERMITTED']);
    expect(await dial(addresses)).toBe('NOT_PERMITTED');
  });

  test.each(['128.0.0.1', '1.0.0.0', '169.253.255.255', '169.255.0.0', 'fec0::1', '::2', 'fd00:ec2::253'])(
    'is dialled where its name means another address, as %s',
    async (address) => {
      expect(await dial([address])).toEqual([{ address, family: isIPv6(address) ? 6 : 4 }]);
    },
  );

  test('is dialled at those of its addresses that mean no such place', async () => {
    expect(await dial(['127.0.0.1', '192.0.2.1', '::1', '192.0.2.2'])).toEqual([four('192.0.2.1'), four('192.0.2.2')]);
  });

  test('is dialled at the first of these where the system asks for one', async () => {
    asked.all = false;
    onTestFinished(() => void (asked.all = true));
    expect(await dial(['127.0.0.1', '192.0.2.1', '192.0.2.2'])).toEqual(four('192.0.2.1'));
  });

  test('is dialled at this machine where that address is permitted, too, at that port', async () => {
    expect(await dial(['127.0.0.1'], ['*.example.org:80', '127.0.0.1:80'])).toEqual([four('127.0.0.1')]);
    expect(await dial(['127.0.0.1'], ['*.example.org:80', '127.0.0.1:81'])).toBe('NOT_PERMITTED');
  });
});

test('a target that is permitted by its name may mean this machine', async () => {
  expect(await dial(['127.0.0.1'], ['db.example.org:80'])).toEqual([four('127.0.0.1')]);
  expect(await dial(['127.0.0.1'], ['*:80'])).toEqual([four('127.0.0.1')]);
});
