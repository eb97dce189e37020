import { createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Receivers } from '../../../src/net/receivers.ts';
import { TcpTransport } from '../../../src/net/tcp-transport.ts';
import type { Transport } from '../../../src/net/transport.ts';
import { Relay } from '../../../src/server/channels/relay.ts';
import { hashOf, hashToEnd, openSocket, pattern, Pump, readExactly, within } from '../../support/server-sockets.ts';
import { secured } from '../../support/tls-connection.ts';

type Kind = 'TCP' | 'TLS';

/** A connection, seen from its client and from the server. */
async function connection(kind: Kind) {
  const server = createServer({ allowHalfOpen: true, noDelay: true, highWaterMark: 1 });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const socket = await openSocket((server.address() as AddressInfo).port);
  const { client, ours }: { client: Transport; ours: Transport } =
    kind === 'TCP'
      ? { client: new TcpTransport(socket), ours: new TcpTransport(await accepted) }
      : await secured(socket, await accepted);
  onTestFinished(() => {
    client.stream.destroy();
    ours.stream.destroy();
  });
  return { client, ours, truncate: () => void socket.end() };
}

/** How the other side ends a connection; what still comes is thrown away. */
function endOf(transport: Transport): Promise<'end' | 'abort'> {
  const end = new Promise<'end' | 'abort'>((resolve) => {
    transport.onEnd(() => resolve('end'));
    transport.stream.once('close', () => resolve('abort')).resume();
  });
  return within(end, 'the end of the connection');
}

const UNLIMITED = new Receivers({
  maxQueuedBytes: Infinity,
  maxTotalQueuedBytes: Infinity,
  writeTimeoutMs: Infinity,
});

async function relayed(kinds: readonly [Kind, Kind], mode: 'auto' | 'streams') {
  const [a, b] = [await connection(kinds[0]), await connection(kinds[1])];
  let relay: Relay | undefined;
  const outcome = new Promise<string>((resolve) => {
    const early = Buffer.alloc(0);
    relay = new Relay(
      { transport: a.ours, early },
      { transport: b.ours, early },
      {
        mode,
        greeting: Buffer.from('!'),
        channelIdleMs: 60_000,
        closeGraceMs: 5_000,
        receivers: UNLIMITED,
        onDone: resolve,
      },
    );
  });
  await Promise.all([readExactly(a.client.stream, 1), readExactly(b.client.stream, 1)]);
  return {
    a: a.client,
    b: b.client,
    truncate: a.truncate,
    relay: relay!,
    outcome: () => within(outcome, 'the end of the relay'),
  };
}

const PAIRS = [
  ['TLS', 'TLS'],
  ['TLS', 'TCP'],
  ['TCP', 'TLS'],
  ['TCP', 'TCP'],
] as const;
const CASES = PAIRS.flatMap((pair) => (['auto', 'streams'] as const).map((mode) => [...pair, mode] as const));

describe.each(CASES)('a channel from %s to %s, relay %s', (one, other, mode) => {
  it('[P14] half-closes in order, either side first', async () => {
    const { a, b, outcome } = await relayed([one, other], mode);
    a.stream.end('question');
    expect((await readExactly(b.stream, 8)).toString()).toBe('question');
    expect(await endOf(b)).toBe('end');
    b.stream.write('ans');
    expect((await readExactly(a.stream, 3)).toString()).toBe('ans');
    b.stream.end('wer');
    expect((await readExactly(a.stream, 3)).toString()).toBe('wer');
    expect(await endOf(a)).toBe('end');
    expect(await outcome()).toBe('ended');
    expect([a.ending, b.ending]).toEqual(['in order', 'in order']);
  });

  it.each(['at once', 'behind bytes', 'behind the end of the other'])(
    '[P14] an abort %s is never an end',
    async (when) => {
      const { a, b, outcome } = await relayed([one, other], mode);
      if (when === 'behind bytes') {
        a.stream.write('cut of');
        await readExactly(b.stream, 6);
      } else if (when === 'behind the end of the other') {
        b.stream.end();
        await endOf(a);
      }
      const end = endOf(b);
      a.reset();
      expect(await end).toBe('abort');
      expect(await outcome()).toBe('aborted');
      expect(b.ending).toBe('aborted');
    },
  );

  it('[P14] slows the sender while the receiver does not read, then gives it everything', async () => {
    const { a, b, outcome } = await relayed([one, other], mode);
    const bytes = pattern(32 * 1024 * 1024);
    const pump = new Pump(a.stream, bytes);
    let sent = -1;
    for (let still = 0; still < 20; still = pump.sent === sent ? still + 1 : 0) {
      sent = pump.sent;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(pump.sent).toBeLessThan(bytes.length);
    pump.finish();
    void pump.done.then(() => a.stream.end());
    const got = await hashToEnd(b.stream);
    expect(got).toEqual(hashOf(bytes.subarray(0, pump.sent)));
    b.stream.end();
    expect(await endOf(a)).toBe('end');
    expect(await outcome()).toBe('ended');
  });

  it('[P14] broken off by the server is an abort on both sides', async () => {
    const { a, b, relay, outcome } = await relayed([one, other], mode);
    const ends = [endOf(a), endOf(b)];
    relay.abort('shutdown');
    expect(await Promise.all(ends)).toEqual(['abort', 'abort']);
    expect(await outcome()).toBe('shutdown');
  });
});

describe.each(['TLS', 'TCP'] as const)('a channel from TLS to %s', (other) => {
  it('[P14a] whose FIN has no close_notify before it is aborted', async () => {
    const { a, b, truncate, outcome } = await relayed(['TLS', other], 'auto');
    a.stream.write('cut of');
    expect((await readExactly(b.stream, 6)).toString()).toBe('cut of');
    const end = endOf(b);
    truncate();
    expect(await end).toBe('abort');
    expect(await outcome()).toBe('aborted');
  });
});

it('a TLS connection is not read past its encryption, though it has what the reused buffer needs', async () => {
  const { ours } = await connection('TLS');
  const mistaken = new TcpTransport(ours.stream as Socket);
  expect(mistaken.readIntoReusedBuffer(() => true, { sizes: [1024] })).toBeUndefined();
});
