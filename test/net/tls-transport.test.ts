import { createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Transport } from '../../src/net/transport.ts';
import { PacketConnection } from '../../src/net/packet-connection.ts';
import { openSocket, readExactly, within } from '../support/server-sockets.ts';
import { secured } from '../support/tls-connection.ts';
import { naivePacket } from '../support/naive-packets.ts';

async function connection() {
  const server = createServer({ allowHalfOpen: true, noDelay: true, highWaterMark: 1 });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const socket = await openSocket((server.address() as AddressInfo).port);
  const both = await secured(socket, await accepted);
  onTestFinished(() => {
    both.client.stream.destroy();
    both.ours.stream.destroy();
  });
  return { ...both, socket };
}

it('a packet that is sent while the last of the handshake is still on its way out leaves, too', async () => {
  const login = naivePacket({ type: 'LOGIN', login: 'alice' }, 4);
  for (let round = 0; round < 20; round += 1) {
    const { client, ours } = await connection();
    const packets = new PacketConnection(client, { onPacket: () => undefined, onClose: () => undefined });
    packets.send({ type: 'LOGIN', login: 'alice' });
    packets.flush();
    expect(await within(readExactly(ours.stream, login.length), `LOGIN ${round}`)).toEqual(login);
  }
});

/** A record of application data that no key fits. */
const GARBAGE = Buffer.concat([Buffer.from('1703030020', 'hex'), Buffer.alloc(32, 0xaa)]);

const turns = async (count = 10): Promise<void> => {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** What it sees of its peer, in order; `aborted` and `in order` are how it closed. */
function watch(transport: Transport): { seen: string[]; closed: Promise<string> } {
  const seen: string[] = [];
  transport.stream.on('data', (chunk: Buffer) => seen.push(chunk.toString()));
  transport.onEnd(() => seen.push('end'));
  const closed = new Promise<string>((resolve) => {
    transport.stream.once('close', () => resolve(transport.ending ?? 'open'));
  });
  return { seen, closed: within(closed, 'close') };
}

describe('[P14a] a TLS connection', () => {
  it('ends in order where both sides have ended it, either first, and data behind one end arrives', async () => {
    for (const first of ['client', 'ours'] as const) {
      const both = await connection();
      const [one, other] = first === 'client' ? [both.client, both.ours] : [both.ours, both.client];
      const [a, b] = [watch(one), watch(other)];
      one.stream.end('last words');
      await expect.poll(() => b.seen).toEqual(['last words', 'end']);
      other.stream.write('more');
      await expect.poll(() => a.seen).toEqual(['more']);
      other.stream.end();
      expect(await Promise.all([a.closed, b.closed])).toEqual(['in order', 'in order']);
      expect(a.seen).toEqual(['more', 'end']);
    }
  });

  it('whose reader comes late gives it everything, and the end behind it, though both have long ended', async () => {
    const { client, ours } = await connection();
    ours.stream.end();
    const late = Buffer.alloc(300_000, 'x');
    client.stream.end(late);
    await within(new Promise((resolve) => void client.stream.once('finish', resolve)), 'finish').catch(() => undefined);
    await turns();
    let ended = false;
    ours.onEnd(() => (ended = true));
    let length = 0;
    ours.stream.on('data', (chunk: Buffer) => (length += chunk.length));
    client.stream.resume();
    await expect.poll(() => ended).toBe(true);
    expect(length).toBe(late.length);
  });

  it('that is cut behind bytes is aborted, and has given them', async () => {
    const { ours, client, socket } = await connection();
    const { seen, closed } = watch(ours);
    client.stream.write('cut of');
    await expect.poll(() => seen).toEqual(['cut of']);
    socket.end();
    expect(await closed).toBe('aborted');
    expect(seen).toEqual(['cut of']);
  });

  it('whose socket ends in the middle of a record is aborted', async () => {
    const { ours, socket } = await connection();
    const { seen, closed } = watch(ours);
    socket.end(GARBAGE.subarray(0, 20));
    expect(await closed).toBe('aborted');
    expect(seen).toEqual([]);
  });

  it('that is destroyed, or reset, by the peer is aborted, with bytes before it or without', async () => {
    for (const how of ['destroy', 'reset'] as const) {
      for (const bytes of ['', 'some']) {
        const { ours, client } = await connection();
        const { seen, closed } = watch(ours);
        if (bytes) client.stream.write(bytes);
        if (how === 'reset') client.reset();
        else client.stream.destroy();
        expect(await closed).toBe('aborted');
        expect(seen).not.toContain('end');
      }
    }
  });

  it('that is reset behind its end, at once, is aborted', async () => {
    const { ours, client } = await connection();
    const { closed } = watch(ours);
    ours.stream.write('x'.repeat(100));
    client.stream.end('bye');
    client.stream.once('finish', () => client.reset());
    expect(await closed).toBe('aborted');
  });

  it('with a flipped bit is aborted', async () => {
    const { ours, client, socket } = await connection();
    const { seen, closed } = watch(ours);
    const write = socket.write.bind(socket) as (chunk: Buffer, ...rest: unknown[]) => boolean;
    socket.write = (chunk: Buffer, ...rest: unknown[]) => {
      const changed = Buffer.from(chunk);
      changed[changed.length - 1]! ^= 1;
      return write(changed, ...rest);
    };
    client.stream.write('precious');
    expect(await closed).toBe('aborted');
    expect(seen).toEqual([]);
  });

  it.each(['before its end', 'behind its own end', 'behind its own end, with bytes that nobody takes'])(
    'to which garbage comes %s breaks, and the process does not',
    async (when) => {
      const { ours, socket, client } = await connection();
      const { seen, closed } = watch(ours);
      client.stream.pause();
      socket.pause();
      if (when.includes('bytes')) ours.stream.write(Buffer.alloc(8_000_000));
      if (when !== 'before its end') ours.stream.end();
      await turns();
      for (let i = 0; i < 3; i += 1) {
        socket.write(GARBAGE);
        await turns(2);
      }
      expect(await closed).toBe('aborted');
      expect(seen).toEqual([]);
    },
  );
});

describe.each(['by its stream', 'into a reused buffer'])('[P16] a TLS connection that is read %s', (how) => {
  it('takes a few milliseconds of a turn, however small the records that come', async () => {
    const { ours, client, socket } = await connection();
    const records: Buffer[] = [];
    const write = socket.write.bind(socket);
    socket.write = (chunk: Buffer, ...rest: unknown[]) => {
      records.push(Buffer.from(chunk));
      (rest.at(-1) as () => void)();
      return true;
    };
    const count = 20_000;
    for (let i = 0; i < count; i += 1) {
      await new Promise((resolve) => void client.stream.write('x', resolve));
    }
    let got = 0;
    let inTurn = 0;
    let most = 0;
    const onChunk = (chunk: Buffer): boolean => {
      got += chunk.length;
      inTurn += chunk.length;
      most = Math.max(most, inTurn);
      return true;
    };
    const reading = how === 'by its stream' ? undefined : ours.readIntoReusedBuffer(onChunk, { sizes: [1024 * 1024] });
    if (reading) reading.stream.resume();
    else ours.stream.on('data', onChunk);
    const watching = setInterval(() => undefined, 1);
    onTestFinished(() => clearInterval(watching));
    write(Buffer.concat(records));
    const isDone = (): boolean => got === count;
    while (!isDone()) {
      await turns(1);
      inTurn = 0;
    }
    // A piece of 16 KiB has 700 of them.
    expect(most).toBeLessThan(count / 4);
  });
});

describe('the memory of a TLS connection', () => {
  it('whose peer does not read counts what TLS holds, and shows what the system has taken', async () => {
    const { ours, client } = await connection();
    client.stream.pause();
    const size = 16_000_000;
    ours.stream.write(Buffer.alloc(size));
    await turns(30);
    const before = ours.unsentBytes;
    expect(before).toBeGreaterThan(1_000_000);
    expect(before).toBeLessThanOrEqual(size);
    expect(ours.queuedBytes).toBeGreaterThan(size + before / 2);
    client.stream.resume();
    await expect.poll(() => ours.unsentBytes).toBe(0);
    expect(ours.queuedBytes).toBe(0);
  });

  it('that is not read stays small, however small the pieces that come', async () => {
    const { ours, client } = await connection();
    ours.stream.pause();
    for (let i = 0; i < 200_000; i += 1) {
      client.stream.write('x');
      if (i % 1000 === 0) await turns(1);
    }
    await turns(50);
    expect(ours.stream.readableLength).toBeLessThan(64 * 1024);
    expect(ours.stream.readableLength).toBeGreaterThan(0);
  });
});
